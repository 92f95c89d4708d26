/**
 * What browsers may do with the pages, and at which addresses these are: the files `_headers` and `_redirects` that
 * the platform reads beside the assets. Wherever the package's pages are served, the rules go along.
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

/** A rule that matches later adds to the earlier ones, so what differs has to be taken away first. */
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

/** Other spellings of a page's address, beside it: the page answers there, too. */
const BESIDE = [
  ["/index", "/"],
  ["/index.html", "/"],
  ["/docs.html", "/docs"],
  ["/inspector.html", "/inspector"],
] as const;

/** Such as seem to be below it, where its relative addresses would not hold. */
const BELOW = [
  ["/index", "/"],
  ["/docs", "/docs"],
  ["/inspector", "/inspector"],
].flatMap(([folder, page]) =>
  ["/", "/index", "/index.html"].map((rest) => [`${folder}${rest}`, page]),
);

/**
 * By itself the platform sends other spellings on to the page's own address with the query, and a `token` in it would
 * stand in a header and in a history. The query of a target's own replaces the one that came.
 */
export const REDIRECTS = [
  ...BESIDE.map(([from, to]) => `${from} ${to} 200\n`),
  ...BELOW.map(([from, to]) => `${from} ${to}?moved 302\n`),
].join("");
