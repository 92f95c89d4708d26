/** Lists that the service returns in pages: the first few pages as one list. */

type Page<T> = { readonly items: readonly T[]; readonly cursor: string | undefined };

/** The first `count` pages, and whether there are more. */
export async function paginate<T>(
  count: number,
  ask: (query: string) => Promise<Page<T>>,
  query: Readonly<Record<string, string>> = {},
): Promise<{ items: T[]; hasMore: boolean }> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < count; page += 1) {
    const search = new URLSearchParams({ ...query, ...(cursor !== undefined && { cursor }) });
    // Each page says where the next begins.
    // oxlint-disable-next-line no-await-in-loop
    const answer: Page<T> = await ask(`?${search.toString()}`);
    items.push(...answer.items);
    cursor = answer.cursor;
    if (cursor === undefined) break;
  }
  return { items, hasMore: cursor !== undefined };
}
