/** What every worker thread is started with. */

/** None of the process's own flags: some mean its script alone (`node --input-type=module -e ...`), and a thread with them does not start. */
export const threadOptions: { readonly execArgv: string[] } = { execArgv: [] };
