# Types a line into an interactive zsh that has sourced the script, presses Tab, and prints what zsh would offer, a line each.
# Usage: zsh -f complete.zsh SCRIPT LINE
zmodload zsh/zpty
export MNEME_OFFERS=$(mktemp)
zpty shell zsh -f -i
zpty -w shell "PROMPT=; autoload -Uz compinit; compinit -u -D; source ${(q)1}"
zpty -w shell 'compadd() { local -a offers; builtin compadd -A offers "$@"; print -rl -- $offers >> $MNEME_OFFERS; builtin compadd "$@" }'
zpty -w shell 'ended() { print done >> $MNEME_OFFERS.end }; comppostfuncs=(ended); bindkey "^I" complete-word; print rea""dy'
while zpty -r shell output; do [[ $output = *ready* ]] && break; done
zpty -n -w shell "$2"$'\t'
repeat 600; do
  [[ -e $MNEME_OFFERS.end ]] && break
  sleep 0.05
done
zpty -d shell
sort -u $MNEME_OFFERS
rm -f $MNEME_OFFERS $MNEME_OFFERS.end
