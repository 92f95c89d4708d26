/** Lists that the service returns in pages, by a cursor. */

/** One page; with a `cursor` there is more. */
type Page = { readonly cursor?: string };

/** All pages from `cursor` on, each requested when the one before has been read. */
export async function* paginate<P extends Page>(
  ask: (cursor: string | undefined) => Promise<P>,
  cursor?: string,
): AsyncGenerator<P> {
  let next = cursor;
  do {
    // Each page says where the next begins.
    // oxlint-disable-next-line no-await-in-loop
    const page: P = await ask(next);
    yield page;
    next = page.cursor;
  } while (next !== undefined);
}
