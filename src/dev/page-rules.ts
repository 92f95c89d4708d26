/**
 * The files `_headers` and `_redirects` that the platform reads beside the assets: what browsers
 * may do with the pages, and at which addresses these are.
 */

/** All that a page of ours needs. `blob:` is for the client's timers in hidden tabs. */
const POLICY = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "img-src": "'self'",
  "connect-src": "'self'",
  "worker-src": "blob:",
  "frame-ancestors": "'none'",
  "base-uri": "'none'",
  "form-action": "'none'",
};

/** Swagger UI sets styles inline and has its pictures in its stylesheet. It runs no worker. */
const VIEWER_POLICY = {
  ...POLICY,
  "style-src": "'self' 'unsafe-inline'",
  "img-src": "'self' data:",
  "worker-src": "'none'",
};

const VIEWER_PATHS = ["/docs", "/docs.html"];

function textOf(policy: Readonly<Record<string, string>>): string {
  return Object.entries(policy)
    .map((directive) => directive.join(" "))
    .join("; ");
}

/** A later rule adds to the earlier ones, so a header that differs has to be removed first. */
const viewerRules = VIEWER_PATHS.map(
  (path) => `${path}
  ! Content-Security-Policy
  Content-Security-Policy: ${textOf(VIEWER_POLICY)}
`,
);

export const HEADERS = `/*
  Content-Security-Policy: ${textOf(POLICY)}
  X-Content-Type-Options: nosniff
  Referrer-Policy: no-referrer
  Permissions-Policy: camera=(), microphone=(), geolocation=(), payment=(), usb=()
  Cross-Origin-Opener-Policy: same-origin
${viewerRules.join("")}`;

/** Other spellings of a page's address in the same folder: the page answers there, too. */
const BESIDE = [
  ["/index", "/"],
  ["/index.html", "/"],
  ["/docs.html", "/docs"],
  ["/inspector.html", "/inspector"],
] as const;

/** Spellings below it, where its relative addresses would be wrong. */
const BELOW = [
  ["/index", "/"],
  ["/docs", "/docs"],
  ["/inspector", "/inspector"],
].flatMap(([folder, page]) =>
  ["/", "/index", "/index.html"].map((rest) => [`${folder}${rest}`, page]),
);

/**
 * By default the platform redirects other spellings to the page's address with their query, and a
 * `token` in it would get into a header and a history. A query in the target replaces it.
 */
export const REDIRECTS = [
  ...BESIDE.map(([from, to]) => `${from} ${to} 200\n`),
  ...BELOW.map(([from, to]) => `${from} ${to}?moved 302\n`),
].join("");
