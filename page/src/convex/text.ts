/** What the page says of a person's other devices, in both languages. */
import { inLanguage, type Language } from "../text/language";
import type { State } from "./follow";

const states: Record<State, string> = {
  connecting: "connecting",
  live: "this list is the same on all of them",
  away: "their list cannot be reached now; what this browser has is here",
  refused: "their list does not let this browser in; what this browser has is here",
  full: "their list is full: delete some recordings to list new ones",
};

const en = {
  title: "Your other devices",
  states,
  elsewhere: "In progress on your other devices",
  explanation:
    "The texts and names of your recordings are also kept in the database of the person who runs this server, until you delete them. " +
    "Nobody lists them without the code of this browser. The recordings themselves stay in the browser that sent them.",
  code: "Code of this browser",
  codeHint: "Who has it sees, corrects and deletes your texts, like you: give it only to your own devices.",
  show: "Show",
  copy: "Copy",
  copied: "The code is copied.",
  lost: "Have you lost a device?",
  lostHint:
    "With a new code it sees nothing of what you send from then on. It still sees what is in the list now: delete that here. " +
    "Give the new code to your other devices.",
  renew: "Make a new code",
  renewed: "There is a new code: give it to your other devices.",
  other: "Code of another device",
  otherHint:
    "Only a code that you copied yourself: the person who gave it to you would see your recordings from now on.",
  use: "Use",
  used: "This browser now lists the recordings of your other device, too.",
  invalid: "This is no such code: copy the whole of it.",
  busy: "Wait until your recordings in progress are finished.",
};

const es: typeof en = {
  title: "Tus otros dispositivos",
  states: {
    connecting: "conectando",
    live: "esta lista es la misma en todos",
    away: "no se llega a su lista ahora; aquí está lo que tiene este navegador",
    refused: "su lista no deja entrar a este navegador; aquí está lo que tiene este navegador",
    full: "su lista está llena: borra grabaciones para añadir otras",
  },
  elsewhere: "En curso en tus otros dispositivos",
  explanation:
    "Los textos y los nombres de tus grabaciones se guardan también en la base de datos de quien lleva este servidor, hasta que " +
    "los borres. Nadie los ve en su lista sin el código de este navegador. Las grabaciones se quedan en el navegador que las envió.",
  code: "Código de este navegador",
  codeHint: "Quien lo tenga ve, corrige y borra tus textos como tú: dáselo solo a tus propios dispositivos.",
  show: "Mostrar",
  copy: "Copiar",
  copied: "El código está copiado.",
  lost: "¿Has perdido un dispositivo?",
  lostHint:
    "Con un código nuevo no ve nada de lo que envíes desde entonces. Sigue viendo lo que ya está en la lista: bórralo aquí. " +
    "Da el código nuevo a tus otros dispositivos.",
  renew: "Hacer un código nuevo",
  renewed: "Hay un código nuevo: dalo a tus otros dispositivos.",
  other: "Código de otro dispositivo",
  otherHint: "Solo un código que copiaste tú: quien te lo diera vería tus grabaciones desde ahora.",
  use: "Usar",
  used: "Este navegador muestra ahora también las grabaciones de tu otro dispositivo.",
  invalid: "No es un código de estos: cópialo entero.",
  busy: "Espera a que terminen tus grabaciones en curso.",
};

export const textOf = (language: Language): typeof en => inLanguage({ en, es }, language);
