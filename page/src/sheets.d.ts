/** A style sheet that comes as text with its part of the page. */
declare module "*.sheet.css" {
  const sheet: string;
  export default sheet;
}
