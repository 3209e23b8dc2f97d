/** Where the API is: the page is served beside it, perhaps below a path of a proxy. */
export const apiUrl = new URL(".", location.href.replace(/[?#].*$/, "")).href;

export const endpoint = (path: string): string => new URL(path, apiUrl).href;
