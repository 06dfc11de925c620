using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Models;

/// <summary>Rows of tai_model_aliases.</summary>
public sealed class ModelAliasStore(Database database, TimeProvider time)
{
    private const string Select =
        """
        SELECT model_id, alias, version, created_at, updated_at FROM tai_model_aliases
        WHERE model_id = @ModelId ORDER BY alias
        """;

    // Holds the model's row until the commit, so that changes of one model's aliases come one after the other.
    private const string Hold = "UPDATE tai_models SET updated_at = @now WHERE id = @modelId";

    private const string Set =
        """
        INSERT INTO tai_model_aliases (model_id, alias, version, created_at, updated_at)
        VALUES (@modelId, @Alias, @Version, @now, @now)
        ON CONFLICT (model_id, alias) DO UPDATE SET version = excluded.version, updated_at = excluded.updated_at
        """;

    private const string CountVersions =
        "SELECT COUNT(*) FROM tai_model_versions WHERE model_id = @modelId AND version = @Version";

    /// <summary>All of one model, by name: at most <see cref="ModelAlias.OfModelMax"/>.</summary>
    public Task<IReadOnlyList<ModelAlias>> ListAsync(string modelId, CancellationToken cancellation) =>
        database.ReadAsync(session => ReadAsync(session, modelId), cancellation);

    /// <summary>All changes in one transaction, or none. Returns the model's aliases as they are then.</summary>
    /// <param name="modelId">Their model.</param>
    /// <param name="changes">Each alias once.</param>
    /// <param name="cancellation">Of the request.</param>
    /// <exception cref="ApiException">No such model (20001), version (20007) or alias (20012), an alias that leads
    /// elsewhere than expected (20013), or more than a model may have (20003).</exception>
    public Task<IReadOnlyList<ModelAlias>> ApplyAsync(
        string modelId, IReadOnlyList<ModelAliasChange> changes, CancellationToken cancellation) =>
        database.WriteAsync(session => ApplyAsync(session, modelId, changes), cancellation);

    private async Task<IReadOnlyList<ModelAlias>> ApplyAsync(
        DatabaseSession session, string modelId, IReadOnlyList<ModelAliasChange> changes)
    {
        var now = time.GetUtcNow();
        if (await session.ExecuteAsync(Hold, new { modelId, now }) == 0)
            throw new ApiException(ErrorCodes.ModelNotFound);
        var standing = (await ReadAsync(session, modelId)).ToDictionary(row => row.Alias, row => row.Version);
        var errors = new FieldErrors();
        for (var i = 0; i < changes.Count; i++)
        {
            var path = changes.Count == 1 ? "" : $"aliases[{i}].";
            await CheckAsync(session, modelId, changes[i], path, standing, errors);
        }

        errors.ThrowIfAny();
        foreach (var change in changes)
        {
            var parameters = new { modelId, change.Alias, change.Version, now };
            if (change.Version is null)
                await session.ExecuteAsync(
                    "DELETE FROM tai_model_aliases WHERE model_id = @modelId AND alias = @Alias", parameters);
            else if (standing.GetValueOrDefault(change.Alias) != change.Version)
                await session.ExecuteAsync(Set, parameters);
        }

        var rows = await ReadAsync(session, modelId);
        if (rows.Count > ModelAlias.OfModelMax)
            throw new ApiException(
                ErrorCodes.ModelInvalid,
                $"aliases: a model has at most {ModelAlias.OfModelMax}, this one would have {rows.Count}");
        return rows;
    }

    private static async Task CheckAsync(
        DatabaseSession session, string modelId, ModelAliasChange change, string path,
        Dictionary<string, string> standing, FieldErrors errors)
    {
        var current = standing.GetValueOrDefault(change.Alias);
        if (change.Expected is { } expected && expected.Version != current)
            errors.Add(
                ErrorCodes.ModelAliasMoved, $"{path}expected_version",
                $"expected '{change.Alias}' at {expected.Version ?? "no version"}, it is at {current ?? "no version"}");
        else if (change.Version is null && current is null)
            errors.Add(ErrorCodes.ModelAliasNotFound, $"{path}alias", $"no such alias: '{change.Alias}'");
        if (change.Version is not null
            && await session.ScalarAsync<long>(CountVersions, new { modelId, change.Version }) == 0)
            errors.Add(
                ErrorCodes.ModelVersionNotFound, $"{path}version", $"the model has no version {change.Version}");
    }

    private static Task<IReadOnlyList<ModelAlias>> ReadAsync(DatabaseSession session, string modelId) =>
        session.QueryAsync<ModelAlias>(Select, new { ModelId = modelId });
}
