/** Shares files with the page as the system does for another app: a form, to the address in the manifest. */
import type { Page } from "playwright-core";

export async function share(page: Page, ...files: string[]): Promise<void> {
  await page.evaluate(async () => {
    const { share_target: target } = await (await fetch("page/manifest.webmanifest")).json();
    const { method, enctype, params } = target;
    const form = document.createElement("form");
    Object.assign(form, { method, enctype, action: new URL(target.action, new URL("page/", location.href)).href });
    form.append(
      Object.assign(document.createElement("input"), { type: "file", name: params.files[0].name, multiple: true }),
    );
    form.className = "shared";
    document.body.append(form);
  });
  await page.locator("form.shared input").setInputFiles(files);
  await page.evaluate(() => document.querySelector<HTMLFormElement>("form.shared")!.submit());
}
