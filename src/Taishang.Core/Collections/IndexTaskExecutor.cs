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
/// Tasks of type `index`: payload <c>{collection: name or id}</c>, result <c>{collection, indexed_rows,
/// build_seconds}</c>. A build brings every row written so far under the index; run again it finds its work done.
/// </summary>
internal sealed class IndexTaskExecutor(
    IAiClient ai, CollectionLookup lookup, CollectionReadiness readiness) : ITaskExecutor
{
    public const string TypeName = "index";

    public string Type => TypeName;

    public void Validate(JsonElement payload, PayloadErrors errors)
    {
        if (!TaskPayload.Fields(payload, errors, "collection")) return;
        TaskPayload.RequireText(payload, errors, "collection", Collection.ReferenceCharactersMax);
    }

    public async Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
    {
        var row = await TaskPayload.FindCollectionAsync(lookup, context.Payload, null, cancellation);
        try
        {
            var done = await ai.BuildIndexAsync(
                new BuildIndexRequest { CollectionId = row.Id }, row.WorkerId, new Progress(context), cancellation);
            context.AddCost(0, (long)(done.BuildSeconds * 1000));
            context.Log(TaskLogLevel.Info, $"indexed {done.IndexedRows} rows in {done.BuildSeconds:0.###} s");
            await readiness.AfterBuildAsync(row, cancellation);
            return new JsonObject
            {
                ["collection"] = row.Id,
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
