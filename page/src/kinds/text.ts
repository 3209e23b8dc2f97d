/** Why a file is not sent, by what it is. */

export const en = {
  picture: (name: string) => `“${name}” is a picture. Choose a recording or a video.`,
  archive: (name: string) => `“${name}” is packed or compressed. Unpack it and choose the recordings in it.`,
  document: (name: string) =>
    `“${name}” is a document or a web page. A download that needs a sign-in often saves a web page instead.`,
  subtitles: (name: string) =>
    `“${name}” holds subtitles, which are text already. Choose the recording they belong to.`,
  playlist: (name: string) => `“${name}” is a playlist: it names recordings and holds none.`,
  folder: (name: string) => `“${name}” is a folder. Open it and choose the recordings in it.`,
  unreadable: (name: string) => `“${name}” can't be read. Was it moved or renamed?`,
};

export const es: typeof en = {
  picture: (name) => `«${name}» es una imagen. Elige una grabación o un vídeo.`,
  archive: (name) => `«${name}» está comprimido. Descomprímelo y elige las grabaciones que contiene.`,
  document: (name) =>
    `«${name}» es un documento o una página web. Una descarga que pide iniciar sesión suele guardar una página web.`,
  subtitles: (name) => `«${name}» contiene subtítulos, que ya son texto. Elige la grabación a la que pertenecen.`,
  playlist: (name) => `«${name}» es una lista de reproducción: nombra grabaciones y no contiene ninguna.`,
  folder: (name) => `«${name}» es una carpeta. Ábrela y elige las grabaciones que contiene.`,
  unreadable: (name) => `«${name}» no se puede leer. ¿Se movió o cambió de nombre?`,
};

export type WrongKind = Exclude<keyof typeof en, "folder" | "unreadable">;
