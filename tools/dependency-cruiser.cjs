/** The floors of the house: imports point down only, never beside. */
const FLOORS = [
  ["kernels"],
  ["linalg", "storage"],
  ["codecs", "hashing"],
  ["index", "embed", "eval", "cache", "weights"],
  ["model"],
  ["memory", "recommend", "graph", "train", "plan"],
  ["cluster", "server", "cli"],
];

const floorRules = FLOORS.flatMap((rooms, floor) =>
  rooms.map((room) => {
    const allowed = FLOORS.slice(0, floor).flat();
    const others = FLOORS.flat().filter((other) => other !== room && !allowed.includes(other));
    // beside: the flat index reads no embedder; the command line starts the server
    const beside = room === "cli" ? ["server"] : [];
    return {
      name: `${room}-imports-down`,
      severity: "error",
      from: { path: `^src/${room}/` },
      to: { path: `^src/(${others.filter((other) => !beside.includes(other)).join("|")})/` },
    };
  }),
);

module.exports = {
  forbidden: [
    ...floorRules,
    {
      name: "no-circular",
      severity: "error",
      from: { pathNot: "\\.test\\.ts$" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "src-imports-src-only",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(bench|web|scripts)/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: [".ts", ".js"] },
    exclude: { path: "(assembly|generated)/" },
  },
};
