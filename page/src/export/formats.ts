/** A text as the files that people take away, but for docx and zip. Pure. */
import { endOf, type Paragraph, segmentsOf, startOf, type Turn } from "../model/transcript";
import { clockTime } from "../text/quantities";
import { sayNames, toCues } from "./cues";

export type Source = {
  filename: string;
  language: string | null;
  duration: number;
  paragraphs: readonly Paragraph[];
  /** Who speaks when, also without words; only data has a place for it. */
  turns?: readonly Turn[];
  /** What the person marked while recording, in seconds, and the words before it. Subtitles have no place for it. */
  marks?: Marks | null;
};

export type Marks = { title: string; seconds: readonly number[] };

export type TextFormat = "txt" | "times" | "md" | "srt" | "vtt" | "json";

export const TEXT_FORMATS: readonly TextFormat[] = ["txt", "times", "md", "srt", "vtt", "json"];

const MEDIA_TYPES: Record<TextFormat, string> = {
  txt: "text/plain;charset=utf-8",
  times: "text/plain;charset=utf-8",
  md: "text/markdown;charset=utf-8",
  srt: "application/x-subrip",
  vtt: "text/vtt",
  json: "application/json",
};

export const mediaTypeOf = (format: TextFormat): string => MEDIA_TYPES[format];

export function write(format: TextFormat, source: Source): string {
  const writers: Record<TextFormat, (source: Source) => string> = {
    txt: (source) => joined(source, plain),
    times: (source) => joined(source, timed),
    md: markdown,
    srt,
    vtt,
    json,
  };
  return writers[format](source);
}

const joined = ({ paragraphs, marks }: Source, form: (paragraph: Paragraph) => string): string =>
  `${[...paragraphs.map(form), ...marksLine(marks)].join("\n\n")}\n`;

/** "Marked while recording: 0:12, 1:03"; none where nothing is marked. */
export const marksLine = (marks: Source["marks"]): string[] =>
  marks ? [`${marks.title} ${marks.seconds.map(clockTime).join(", ")}`] : [];

const plain = ({ speaker, text }: Paragraph): string => (speaker ? `${speaker}: ${text}` : text);

const timed = (paragraph: Paragraph): string => `[${clockTime(startOf(paragraph))}] ${plain(paragraph)}`;

function markdown(source: Source): string {
  const body = joined(source, (paragraph) => {
    const name = paragraph.speaker ? `**${escapeMarkdown(paragraph.speaker)}** ` : "";
    return `${name}*${clockTime(startOf(paragraph))}*\n${escapeMarkdown(paragraph.text)}`;
  });
  return `# ${escapeMarkdown(source.filename)}\n\n${body}`;
}

/** What was said never becomes a heading, a link or HTML. */
const escapeMarkdown = (text: string): string =>
  text.replace(/[\\`*_{}[\]<>#|~]/g, "\\$&").replace(/^(\s*)([-+]|\d+[.)])(?=\s)/, "$1\\$2");

function srt({ paragraphs }: Source): string {
  return toCues(sayNames(paragraphs))
    .map(({ start, end, lines }, i) => `${i + 1}\n${stamp(start, ",")} --> ${stamp(end, ",")}\n${lines.join("\n")}\n`)
    .join("\n");
}

function vtt({ paragraphs }: Source): string {
  const cues = toCues(paragraphs).map(
    ({ start, end, lines, speaker }) =>
      `${stamp(start, ".")} --> ${stamp(end, ".")}\n${voice(speaker)}${lines.map(escapeVtt).join("\n")}\n`,
  );
  return `WEBVTT\n\n${cues.join("\n")}`;
}

const voice = (name: string | undefined): string => (name ? `<v ${escapeVtt(name)}>` : "");

const escapeVtt = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function stamp(seconds: number, point: string): string {
  const milliseconds = Math.max(0, Math.round(seconds * 1000));
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const whole = Math.floor(milliseconds / 1000);
  const clock = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60].map((part) => pad(part));
  return `${clock.join(":")}${point}${pad(milliseconds % 1000, 3)}`;
}

function json({ filename, language, duration, paragraphs, turns = [], marks }: Source): string {
  const text = paragraphs.map((paragraph) => paragraph.text).join(" ");
  const known = { filename, ...(language ? { language } : {}), duration, ...(marks ? { marks: marks.seconds } : {}) };
  const listed = paragraphs.map((paragraph) => ({
    start: startOf(paragraph),
    end: endOf(paragraph),
    text: paragraph.text,
    ...(paragraph.speaker ? { speaker: paragraph.speaker } : {}),
  }));
  const segments = paragraphs.flatMap(segmentsOf);
  const spoken = turns.length ? { turns } : {};
  return `${JSON.stringify({ ...known, text, paragraphs: listed, segments, ...spoken }, null, 1)}\n`;
}
