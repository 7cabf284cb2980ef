/** A book of made-up facts in Chinese, where words have no spaces between them (SCBench's Chinese questions): who lives where, sells what, was born when. */
import type { Random } from "../../linalg/random.ts";
import { haystack } from "./haystack.ts";
import { type LongTask, longTask } from "./task.ts";
import { different, numberOf, pick } from "./vocabulary.ts";

const SURNAMES = [..."赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何"];
const GIVEN = [..."安博超丹恩芳光浩嘉静凯兰敏宁平琪荣思涛维欣雅泽志"];
const PLACES = [..."东西南北青白黄金银玉龙凤云石松竹梅桃柳杨"];
const PLACE_ENDS = [..."城镇村山河湖"];
const KINDS = "红色 蓝色 木制 铁制 古老 小巧 结实 精美 轻便 巨大".split(" ");
const THINGS = "椅子 茶壶 灯笼 雨伞 鼓 琴 扇子 篮子 帽子 剪刀 钟表 风筝 毛笔 花瓶 镜子 梳子".split(" ");
const WEATHERS = "天气很好 下着小雨 起了大风 雪下得很大 月亮很圆 雾很浓".split(" ");
const DOINGS = "孩子们在河边玩耍 老人在树下喝茶 船慢慢地开走了 鸟儿飞过田野 商店都关了门 大家早早回家".split(
  " ",
);

interface Attribute {
  /** NAME and VALUE stand for themselves. */
  readonly sentences: readonly string[];
  readonly question: string;
  value(random: Random): string;
}

const ATTRIBUTES: readonly Attribute[] = [
  {
    sentences: [
      "多年以来NAME一直住在VALUE。",
      "NAME的家在VALUE。",
      "寄给NAME的信都送到VALUE。",
      "NAME回到VALUE以后再没有离开。",
    ],
    question: "NAME居住在什么地方？只回答地名。",
    value: (random) => pick(random, PLACES) + pick(random, PLACES) + pick(random, PLACE_ENDS),
  },
  {
    sentences: [
      "NAME在集市上卖VALUE。",
      "人们都知道NAME做的VALUE。",
      "NAME靠VALUE谋生。",
      "在NAME的铺子里到处都是VALUE。",
    ],
    question: "NAME出售的商品是什么？只回答商品。",
    value: (random) => `${pick(random, KINDS)}的${pick(random, THINGS)}`,
  },
  {
    sentences: ["NAME生于VALUE年。", "VALUE年NAME来到世上。", "据记载，NAME出生在VALUE年。"],
    question: "NAME的出生年份是哪一年？只回答数字。",
    value: (random) => `1${numberOf(random, 3)}`,
  },
];

const nameOf = (random: Random): string => pick(random, SURNAMES) + pick(random, GIVEN) + pick(random, GIVEN);

const sentenceOf = (random: Random): string =>
  `${pick(random, PLACES)}${pick(random, PLACE_ENDS)}${pick(random, WEATHERS)}，${pick(random, DOINGS)}。`;

/** Tokens of a sentence at most, about. */
const SENTENCE_TOKENS = 26;
/** More people do not differ enough in what they sell. */
const MOST_PEOPLE = 100;

export function chineseFactsTask(name: string, { turns = 4, density = 0.5 } = {}): LongTask {
  return longTask(name, "semantic", 16 * SENTENCE_TOKENS, (random, { tokens, countTokens }) => {
    const fitting = Math.floor((density * tokens) / (SENTENCE_TOKENS * ATTRIBUTES.length));
    const people = Math.min(MOST_PEOPLE, Math.max(4, fitting));
    const names = different(people, () => nameOf(random));
    const facts = ATTRIBUTES.flatMap(({ sentences, question, value }) => {
      const values = different(people, () => value(random));
      return names.map((who, i) => ({
        sentence: pick(random, sentences).replace("NAME", who).replace("VALUE", values[i]!),
        question: question.replace("NAME", who),
        value: values[i]!,
      }));
    });
    const intro = "请根据下面的文章回答问题。\n";
    const context = haystack(
      random.shuffle([...facts]).map(({ sentence }) => sentence),
      {
        random,
        tokens: tokens - countTokens(intro),
        countTokens,
        kind: "sentences",
        filler: different(400, () => sentenceOf(random)).join("\n"),
      },
    );
    const asked = random.shuffle(facts).slice(0, turns);
    return {
      context: intro + context,
      turns: asked.map(({ question, value }) => ({ question, answers: [value], reply: value })),
      scorer: "characters",
    };
  });
}
