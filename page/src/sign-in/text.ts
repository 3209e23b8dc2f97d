/** The sentences of the sign-in. */

export const en = {
  titles: {
    key: "This server asks for a key",
    password: "This server asks for a password",
    both: "Sign in to this server",
  },
  hints: {
    key: "You get it from the person who runs the server. It begins with esc_.",
    password: "You get it from the person who runs the server.",
    both: "The person who runs the server gives you a password, or a key that begins with esc_.",
  },
  labels: { key: "Access key", password: "Password", both: "Password or access key" },
  remember: "Stay signed in in this browser",
  wrong: {
    key: "The server does not know this key.",
    password: "This is not the password.",
    both: "This is neither the password nor a key of this server.",
  },
  ended: "You are signed out: your time is up, or the password or the key was changed.",
  tooMany: (seconds: number) => `Too many attempts. Try again in ${seconds} seconds.`,
};

export const es: typeof en = {
  titles: {
    key: "Este servidor pide una clave",
    password: "Este servidor pide una contraseña",
    both: "Entra en este servidor",
  },
  hints: {
    key: "Te la da quien lleva el servidor. Empieza por esc_.",
    password: "Te la da quien lleva el servidor.",
    both: "Quien lleva el servidor te da una contraseña, o una clave que empieza por esc_.",
  },
  labels: { key: "Clave de acceso", password: "Contraseña", both: "Contraseña o clave de acceso" },
  remember: "Recordarme en este navegador",
  wrong: {
    key: "El servidor no conoce esta clave.",
    password: "Esta no es la contraseña.",
    both: "No es la contraseña ni una clave de este servidor.",
  },
  ended: "Se cerró tu sesión: se acabó su tiempo, o cambiaron la contraseña o la clave.",
  tooMany: (seconds: number) => `Demasiados intentos. Vuelve a probar en ${seconds} segundos.`,
};
