/** Whether a text is an id of the API: a UUID. */
export const isId = (text: string): boolean => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text);

/** Enough of an id to tell a few apart. Ids that were made at the same time begin alike, so it is the end. */
export const shortId = (id: string): string => (isId(id) ? `…${id.slice(-8)}` : id);
