/** Brings the rows of an app's own table into the component: page by page, from where an earlier run stopped. */
import {
  type FunctionReference,
  type GenericActionCtx,
  type GenericDataModel,
  type GenericQueryCtx,
  internalActionGeneric,
  internalQueryGeneric,
  makeFunctionReference,
} from "convex/server";
import { v } from "convex/values";
import type { ComponentApi } from "../component/_generated/component.js";
import { isInline } from "../job/resultSize.js";
import { type Corrections, type ImportedJob, type OldRow, toImportedJob } from "./importedJob.js";

export type ImportOptions = {
  /** The module that exports what this returns, such as `importJobs` for `convex/importJobs.ts`. */
  module: string;
  /** The app's table. Default `transcriptionJobs`. */
  table?: string;
  /** The table with the transcripts, if the rows do not hold them, with an index `by_jobId`. */
  results?: string;
  /** What the fields of a row do not say; null for a row that stays where it is. */
  correct?: (row: OldRow) => Corrections | null;
};

export type ImportSummary = { isDone: boolean; imported: number; known: number };

/** A transcript of up to 1 MiB may be in each row, and a query reads 16 MiB at most. */
const PAGE = 10;
/** Milliseconds; an action ends after ten minutes. What is left goes on in the next action. */
const LONGEST_RUN = 5 * 60_000;

type PageOfJobs = {
  jobs: Array<ImportedJob & { resultJson?: string; fileId?: string }>;
  refused: Array<{ row: string; reason: string }>;
  cursor: string;
  isDone: boolean;
};
type PageReference = FunctionReference<"query", "internal", { cursor: string | null }, PageOfJobs>;

/**
 * ```ts
 * // convex/importJobs.ts, then: npx convex run importJobs:run
 * export const { page, run } = importJobs(components.escriba, { module: "importJobs", results: "transcriptionResults" });
 * ```
 */
export function importJobs(component: ComponentApi, options: ImportOptions) {
  const pageOf = makeFunctionReference<"query">(`${options.module}:page`) as unknown as PageReference;
  const self = makeFunctionReference<"action">(`${options.module}:run`);
  return {
    page: internalQueryGeneric({
      args: { cursor: v.union(v.string(), v.null()) },
      handler: (ctx, { cursor }): Promise<PageOfJobs> => readPage(ctx, cursor, options),
    }),
    run: internalActionGeneric({
      args: {},
      handler: async (ctx): Promise<ImportSummary> => {
        const summary = await importPages(ctx, component, options.table ?? TABLE, pageOf, Date.now() + LONGEST_RUN);
        if (!summary.isDone) await ctx.scheduler.runAfter(0, self, {});
        return summary;
      },
    }),
  };
}

const TABLE = "transcriptionJobs";

async function importPages(
  ctx: GenericActionCtx<GenericDataModel>,
  { imports }: ComponentApi,
  source: string,
  pageOf: PageReference,
  end: number,
): Promise<ImportSummary> {
  const before = await ctx.runQuery(imports.state, { source });
  // After its end an import begins anew: the rows that came since are new, and the others are known.
  let place = before.isDone ? { cursor: null, isDone: false, imported: 0, known: 0 } : before;
  while (!place.isDone && Date.now() < end) {
    const page = await ctx.runQuery(pageOf, { cursor: place.cursor });
    for (const { row, reason } of page.refused) console.warn(`Row ${row} of ${source} is not imported: ${reason}.`);
    const imported = await importPage(ctx, imports, page);
    const known = page.jobs.length - imported;
    const { cursor, isDone } = page;
    place = { cursor, isDone, imported: place.imported + imported, known: place.known + known };
    await ctx.runMutation(imports.advance, { source, ...place });
  }
  const { isDone, imported, known } = place;
  return { isDone, imported, known };
}

/** Returns how many of the rows are new. */
async function importPage(
  ctx: GenericActionCtx<GenericDataModel>,
  imports: ComponentApi["imports"],
  { jobs }: PageOfJobs,
): Promise<number> {
  const inline = jobs.map(({ fileId: _, resultJson, ...job }) =>
    resultJson !== undefined && isInline(resultJson) ? { ...job, resultJson } : job,
  );
  const imported = await ctx.runMutation(imports.take, { jobs: inline });
  for (const { snapshot, resultJson, fileId } of jobs) {
    const large = resultJson !== undefined && !isInline(resultJson) ? resultJson : await readFile(ctx, fileId);
    if (large !== null) await ctx.runAction(imports.takeTranscript, { jobId: snapshot.jobId, resultJson: large });
  }
  return imported;
}

/** A file of the app, which the component cannot read. */
async function readFile(ctx: GenericActionCtx<GenericDataModel>, fileId: string | undefined): Promise<string | null> {
  const file = fileId === undefined ? null : await ctx.storage.get(fileId);
  return file && (await file.text());
}

async function readPage(
  ctx: GenericQueryCtx<GenericDataModel>,
  cursor: string | null,
  { table = TABLE, results, correct = () => ({}) }: ImportOptions,
): Promise<PageOfJobs> {
  const { page, continueCursor, isDone } = await ctx.db.query(table).paginate({ cursor, numItems: PAGE });
  const jobs: PageOfJobs["jobs"] = [];
  const refused: PageOfJobs["refused"] = [];
  for (const row of page as unknown as OldRow[]) {
    const corrections = correct(row);
    if (corrections === null) continue;
    const job = toImportedJob(row, corrections);
    if (typeof job === "string") refused.push({ row: String(row._id), reason: job });
    else jobs.push({ ...job, ...(await transcriptOf(ctx, row, job.snapshot.jobId, results, corrections)) });
  }
  return { jobs, refused, cursor: continueCursor, isDone };
}

async function transcriptOf(
  ctx: GenericQueryCtx<GenericDataModel>,
  row: OldRow,
  jobId: string,
  results: string | undefined,
  { resultJson }: Corrections,
): Promise<{ resultJson?: string; fileId?: string }> {
  if (resultJson !== undefined) return { resultJson };
  const document =
    results === undefined
      ? null
      : await ctx.db
          .query(results)
          .withIndex("by_jobId", (q) => q.eq("jobId" as never, jobId as never))
          .first();
  const { resultJson: json, resultStorageId: fileId } = (document ?? row) as Record<string, unknown>;
  return {
    ...(typeof json === "string" ? { resultJson: json } : {}),
    ...(typeof fileId === "string" ? { fileId } : {}),
  };
}
