using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Models;

/// <summary>Rows of tai_model_evaluations.</summary>
internal sealed class ModelEvaluationStore(Database database, ModelStore models, TimeProvider time)
{
    private const string Select =
        """
        SELECT id, model_id, version, source, task_id, collection_id, dataset, metrics, notes, created_at
        FROM tai_model_evaluations
        """;

    private const string Filters =
        """
        WHERE model_id = @ModelId AND (@Version IS NULL OR version = @Version)
          AND (@Source IS NULL OR source = @Source)
        """;

    // An earlier try of the same request or of the same task made the row.
    private const string Insert =
        """
        INSERT INTO tai_model_evaluations
            (id, model_id, version, source, task_id, collection_id, dataset, metrics, notes, created_at)
        VALUES (@Id, @ModelId, @Version, @Source, @TaskId, @CollectionId, @Dataset, @Metrics, @Notes, @CreatedAt)
        ON CONFLICT DO NOTHING
        """;

    public Task<(IReadOnlyList<ModelEvaluation> Rows, long Total)> ListAsync(
        string modelId, ListQuery query, CancellationToken cancellation)
    {
        var parameters = new
        {
            ModelId = modelId,
            Version = query.Filter("version"),
            Source = query.Filter("source"),
            query.PageSize,
            query.Skip,
        };
        var order = query.Sort is { Descending: false }
            ? "ORDER BY created_at, id"
            : "ORDER BY created_at DESC, id DESC";
        return database.ReadAsync(
            async session =>
            {
                var total = await session.ScalarAsync<long>(
                    $"SELECT COUNT(*) FROM tai_model_evaluations {Filters}", parameters);
                var rows = await session.QueryAsync<ModelEvaluation>(
                    $"{Select} {Filters} {order} LIMIT @PageSize OFFSET @Skip", parameters);
                return (rows, total);
            },
            cancellation);
    }

    /// <summary>Adds one, and gives it back as it is kept.</summary>
    public Task<ModelEvaluation> AddAsync(ModelEvaluation row, CancellationToken cancellation) =>
        database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync(Insert, row);
                return await session.FindAsync<ModelEvaluation>($"{Select} WHERE id = @Id", new { row.Id }) ?? row;
            },
            cancellation);

    /// <summary>
    /// Keeps what a task measured over a collection, once a task, at the version that embeds for the collection now:
    /// the newest of its major.
    /// </summary>
    public async Task AddOfTaskAsync(
        string taskId, string collectionId, string modelId, int major, IReadOnlyDictionary<string, double> metrics,
        CancellationToken cancellation)
    {
        var version = ModelVersions.Newest(await models.VersionsOfMajorAsync(modelId, major, cancellation));
        if (version is null) return;
        var now = time.GetUtcNow();
        await AddAsync(
            new ModelEvaluation
            {
                Id = RowId.New(now),
                ModelId = modelId,
                Version = version.Version,
                Source = ModelEvaluation.ByTask,
                TaskId = taskId,
                CollectionId = collectionId,
                Metrics = JsonSerializer.Serialize(metrics, ApiJson.Options),
                CreatedAt = now,
            },
            cancellation);
    }
}
