// Bundles GraphiQL into dist/: index.html, graphiql.js, graphiql.css and LICENSES.txt.
// The result is committed, so that building zhibu needs no Node; the same input gives the same bytes.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";

const dist = "dist";
await rm(dist, { recursive: true, force: true });
await mkdir(dist);

const { metafile } = await build({
  entryPoints: { graphiql: "src/main.js" },
  // A style sheet imported by the script would be named after it; two entries keep the two apart.
  outdir: dist,
  bundle: true,
  minify: true,
  alias: { "react-style-singleton": "./src/no-style.js" },
  format: "iife",
  target: ["es2020"],
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none", // every licence is in LICENSES.txt, in full
  metafile: true,
});
const styles = await build({
  entryPoints: { graphiql: "src/main.css" },
  outdir: dist,
  bundle: true,
  minify: true,
  target: ["es2020"],
  legalComments: "none",
  metafile: true,
});

// The page names its assets by content, so that they can be cached for good.
const version = async (file) =>
  createHash("sha256").update(await readFile(path.join(dist, file))).digest("hex").slice(0, 16);
const page = (await readFile("src/index.html", "utf8"))
  .replace("%CSS%", await version("graphiql.css"))
  .replace("%JS%", await version("graphiql.js"));
await writeFile(path.join(dist, "index.html"), page);

// For packages that name the MIT licence in their manifest and come without its text.
const mit = await readFile("src/MIT.txt", "utf8");

// The licence of every package of which a file ended up in the bundle.
const inputs = [...Object.keys(metafile.inputs), ...Object.keys(styles.metafile.inputs)];
const packages = new Set(
  inputs.map((input) => input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1]).filter(Boolean),
);
const texts = [];
for (const folder of [...packages].sort()) {
  const manifest = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((name) => /^(licen[cs]e|copying)(\.|-|$)/i.test(name));
  const author = typeof manifest.author === "string" ? manifest.author : manifest.author?.name;
  if (!file && manifest.license !== "MIT") throw new Error(`${manifest.name}: no licence text`);
  const text = file
    ? await readFile(path.join(folder, file), "utf8")
    : mit.replace("%HOLDER%", author ?? `the authors of ${manifest.name}`);
  texts.push(`${manifest.name} ${manifest.version} (${manifest.license})\n\n${text.trim().replaceAll("\r\n", "\n")}`);
}
await writeFile(
  path.join(dist, "LICENSES.txt"),
  `What graphiql.js and graphiql.css are made of.\n\n${texts.join(`\n\n${"-".repeat(78)}\n\n`)}\n`,
);
