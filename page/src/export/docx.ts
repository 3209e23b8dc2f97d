/** A text as a Word document; the library that writes it is loaded when somebody asks for one. */
import { Document, HeadingLevel, Packer, Paragraph, TextRun } from "docx";
import { startOf } from "../model/transcript";
import { clockTime } from "../text/quantities";
import { marksLine, type Source } from "./formats";

export function writeDocx({ filename, paragraphs, marks }: Source): Promise<Blob> {
  const heading = new Paragraph({ heading: HeadingLevel.HEADING_1, children: [new TextRun(printable(filename))] });
  const body = paragraphs.map((paragraph) => {
    const name = paragraph.speaker ? [new TextRun({ text: `${printable(paragraph.speaker)}: `, bold: true })] : [];
    const time = new TextRun({ text: `${clockTime(startOf(paragraph))}  `, color: "777777", size: 18 });
    return new Paragraph({
      spacing: { after: 160 },
      children: [time, ...name, new TextRun(printable(paragraph.text))],
    });
  });
  const last = marksLine(marks).map((line) => new Paragraph({ children: [new TextRun(line)] }));
  const children = [heading, ...body, ...last];
  return Packer.toBlob(new Document({ title: printable(filename), sections: [{ children }] }));
}

/** XML cannot hold other control characters: https://www.w3.org/TR/xml/#charsets */

const printable = (text: string): string => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "");
