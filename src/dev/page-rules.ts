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

const PAGES = ["", "docs", "inspector"];

/**
 * The platform sends other spellings of a page's address on to the one that it has, with the query, and a `token` in
 * it would stand in a header and in a history. So each is answered with the page itself, or without the query where
 * the page's relative addresses would not hold: a query of the target's own is what replaces it.
 */
export const REDIRECTS = PAGES.flatMap((page) => {
  const name = page || "index";
  const inside = page === "" ? "/index" : `/${page}`;
  return [
    ...(page === "" ? ["/index / 200"] : []),
    `/${name}.html /${page} 200`,
    ...[`${inside}/`, `${inside}/index`, `${inside}/index.html`].map(
      (other) => `${other} /${page}?moved 301`,
    ),
  ];
})
  .map((line) => `${line}\n`)
  .join("");
