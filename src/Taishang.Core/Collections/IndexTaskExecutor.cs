using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Tasks;
using Taishang.Executors;

namespace Taishang.Core.Collections;

/// <summary>
/// Tasks of type `index`: payload <c>{collection: name or id, work?}</c>, result <c>{collection, work, indexed_rows,
/// build_seconds}</c>. A build brings every row written so far under the index; a compaction writes the rows anew
/// without the dead; a rebuild lays the index anew besides. Run again each finds its work done, but for a rebuild. The
/// engine keeps how far a long one has come, so an attempt that was cut off needs no checkpoint here.
/// </summary>
internal sealed class IndexTaskExecutor(
    IAiClient ai, CollectionLookup lookup, CollectionReadiness readiness) : ITaskExecutor
{
    public const string TypeName = "index";

    private const string DefaultWork = "build";

    private static readonly Dictionary<string, IndexWork> Works = new()
    {
        [DefaultWork] = IndexWork.Build,
        ["compact"] = IndexWork.Compact,
        ["rebuild"] = IndexWork.Rebuild,
    };

    public string Type => TypeName;

    public void Validate(JsonElement payload, PayloadErrors errors)
    {
        if (!TaskPayload.Fields(payload, errors, "collection", "work")) return;
        TaskPayload.RequireText(payload, errors, "collection", Collection.ReferenceCharactersMax);
        if (payload.TryGetProperty("work", out var work)
            && (work.ValueKind != JsonValueKind.String || !Works.ContainsKey(work.GetString()!)))
            errors.Add("payload.work", $"expected one of {string.Join(", ", Works.Keys)}");
    }

    public async Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
    {
        var row = await TaskPayload.FindCollectionAsync(lookup, context.Payload, null, cancellation);
        var work = context.Payload.TryGetProperty("work", out var given) ? given.GetString()! : DefaultWork;
        try
        {
            var done = await ai.BuildIndexAsync(
                new BuildIndexRequest { CollectionId = row.Id, Work = Works[work] }, row.WorkerId,
                new Progress(context), cancellation);
            context.AddCost(0, (long)(done.BuildSeconds * 1000));
            context.Log(
                TaskLogLevel.Info, $"{work}: {done.IndexedRows} rows are indexed, after {done.BuildSeconds:0.###} s");
            await readiness.AfterBuildAsync(row, cancellation);
            return new JsonObject
            {
                ["collection"] = row.Id,
                ["work"] = work,
                ["indexed_rows"] = done.IndexedRows,
                ["build_seconds"] = done.BuildSeconds,
            }.ToJsonString();
        }
        catch (ApiException e) when (e.Code != ErrorCodes.Cancelled)
        {
            await readiness.AfterFailedBuildAsync(row, $"the last build failed: {e.Message}", cancellation);
            throw new TaskFailedException($"{e.Code.Name}: {e.Message}", e.Code.Retriable, e);
        }
    }

    /// <summary>
    /// Reports where the worker's stream stands; at once, so that a late report never overtakes a newer one.
    /// </summary>
    private sealed class Progress(TaskContext context) : IProgress<BuildIndexProgress>
    {
        public void Report(BuildIndexProgress value) =>
            context.ReportProgress((int)(Math.Clamp(value.Fraction, 0, 1) * 100));
    }
}
