import { build } from "esbuild";
import { brotliCompressSync } from "node:zlib";
const size = async (external, stdin, extra) => {
  const r = await build({
    ...(stdin
      ? { stdin: { contents: stdin, resolveDir: "." } }
      : { entryPoints: ["dist/client/index.js"] }),
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    external,
    ...extra,
    metafile: true,
  });
  if (extra?.show)
    console.log(
      Object.entries(Object.values(r.metafile.outputs)[0].inputs)
        .map(([k, v]) => [v.bytesInOutput, k])
        .sort((a, b) => b[0] - a[0]),
    );
  return brotliCompressSync(r.outputFiles[0].contents).length;
};
console.log("all", await size([]));
console.log("no partysocket", await size(["partysocket/ws"]));
console.log("no valibot", await size(["valibot"]));
console.log("neither", await size(["valibot", "partysocket/ws"]));
console.log("party alone", await size([], 'export {default} from "partysocket/ws"'));
const a = await build({
  entryPoints: ["dist/client/index.js"],
  bundle: true,
  minify: true,
  write: false,
  format: "esm",
  metafile: true,
});
console.log(
  Object.entries(Object.values(a.metafile.outputs)[0].inputs)
    .map(([k, v]) => v.bytesInOutput + " " + k)
    .sort((x, y) => parseInt(y) - parseInt(x))
    .join("\n"),
);
