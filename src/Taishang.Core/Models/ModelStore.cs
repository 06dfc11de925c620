using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Models;

/// <summary>Rows of tai_models and tai_model_versions.</summary>
public sealed class ModelStore(Database database, TimeProvider time)
{
    private const string SelectModel =
        """
        SELECT m.id, m.name, m.provider, m.version, m.status, m.status_reason, m.endpoint, m.config,
               v.kind, v.dims, m.tags, m.card, m.tested_at, m.tests_failed, m.deprecated_at, m.retire_at,
               m.created_at, m.updated_at
        FROM tai_models m
        LEFT JOIN tai_model_versions v ON v.model_id = m.id AND v.version = m.version
        """;

    private const string SelectVersion =
        """
        SELECT id, model_id, version, major, endpoint, config, kind, dims, checksum, facts, created_at
        FROM tai_model_versions
        """;

    private const string Filters =
        """
        WHERE (@Name IS NULL OR m.name = @Name) AND (@Provider IS NULL OR m.provider = @Provider)
          AND (@Version IS NULL OR m.version = @Version) AND (@Status IS NULL OR m.status = @Status)
        """;

    private const string HasTag =
        " AND (@TagKey IS NULL OR ({0} IS NOT NULL AND (@TagValue IS NULL OR {0} = @TagValue)))";

    private static readonly string SqliteFilters =
        Filters + HasTag.Replace("{0}", "json_extract(m.tags, '$.\"' || @TagKey || '\"')");

    private static readonly string PostgreSqlFilters =
        Filters + HasTag.Replace("{0}", "(m.tags::json ->> @TagKey)");

    private const string InsertModel =
        """
        INSERT INTO tai_models
            (id, name, provider, version, status, status_reason, endpoint, config, tested_at, created_at, updated_at)
        VALUES (@Id, @Name, @Provider, @Version, @Status, @StatusReason, @Endpoint, @Config, @CreatedAt, @CreatedAt,
            @UpdatedAt)
        """;

    private const string InsertVersion =
        """
        INSERT INTO tai_model_versions
            (id, model_id, version, major, endpoint, config, kind, dims, checksum, facts, created_at)
        VALUES (@Id, @ModelId, @Version, @Major, @Endpoint, @Config, @Kind, @Dims, @Checksum, @Facts, @CreatedAt)
        """;

    private const string SwitchVersion =
        """
        UPDATE tai_models
        SET version = @Version, endpoint = @Endpoint, config = @Config, status_reason = @StatusReason,
            updated_at = @Now
        WHERE id = @ModelId AND version = @SeenVersion AND status = @SeenStatus
        """;

    private const string SwitchStatus =
        """
        UPDATE tai_models
        SET status = @Status, status_reason = @StatusReason, deprecated_at = @DeprecatedAt, retire_at = @RetireAt,
            tests_failed = 0, updated_at = @Now
        WHERE id = @Id AND status = @SeenStatus
        """;

    private const string SetTested =
        """
        UPDATE tai_models
        SET status = @Status, status_reason = @Reason, tests_failed = @Failed, tested_at = @Now,
            updated_at = CASE WHEN status = @Status THEN updated_at ELSE @Now END
        WHERE id = @Id AND status = @SeenStatus AND version = @SeenVersion
        """;

    private const string FillFacts =
        """
        UPDATE tai_model_versions
        SET kind = @Kind, dims = @Dims, checksum = @Checksum, facts = @Facts
        WHERE model_id = @ModelId AND version = @Version AND kind IS NULL
        """;

    /// <summary>Every order that a list may ask for; the id makes each of them total.</summary>
    private static readonly Dictionary<ListSort, string> Orders = new()
    {
        [new("name", false)] = "ORDER BY m.name, m.id",
        [new("name", true)] = "ORDER BY m.name DESC, m.id",
        [new("provider", false)] = "ORDER BY m.provider, m.id",
        [new("provider", true)] = "ORDER BY m.provider DESC, m.id",
        [new("created_at", false)] = "ORDER BY m.created_at, m.id",
        [new("created_at", true)] = "ORDER BY m.created_at DESC, m.id DESC",
        [new("updated_at", false)] = "ORDER BY m.updated_at, m.id",
        [new("updated_at", true)] = "ORDER BY m.updated_at DESC, m.id DESC",
    };

    public Task<Model?> FindAsync(string id, CancellationToken cancellation) =>
        database.ReadAsync(
            session => session.FindAsync<Model>($"{SelectModel} WHERE m.id = @Id", new { Id = id }), cancellation);

    /// <exception cref="ApiException">There is none (20001).</exception>
    public async Task<Model> GetAsync(string id, CancellationToken cancellation) =>
        (RowId.TimeOf(id) is null ? null : await FindAsync(id, cancellation))
            ?? throw new ApiException(ErrorCodes.ModelNotFound);

    /// <summary>All models of this name, and the one that <c>provider/name</c> names; at most a handful.</summary>
    public Task<IReadOnlyList<Model>> FindByNameAsync(string reference, CancellationToken cancellation)
    {
        var slash = reference.IndexOf('/', StringComparison.Ordinal);
        var provider = slash < 0 ? "" : reference[..slash];
        var name = reference[(slash + 1)..];
        return database.ReadAsync(
            session => session.QueryAsync<Model>(
                $"""
                {SelectModel}
                WHERE m.name = @Reference OR (m.provider = @Provider AND m.name = @Name)
                ORDER BY m.created_at, m.id LIMIT 20
                """,
                new { Reference = reference, Provider = provider, Name = name }),
            cancellation);
    }

    public Task<(IReadOnlyList<Model> Rows, long Total)> ListAsync(ListQuery query, CancellationToken cancellation)
    {
        var (tagKey, tagValue) = ModelTags.ReadFilter(query);
        var parameters = new
        {
            TagKey = tagKey,
            TagValue = tagValue,
            Name = query.Filter("name"),
            Provider = query.Filter("provider"),
            Version = query.Filter("version"),
            Status = query.Filter("status"),
            query.PageSize,
            query.Skip,
        };
        var order = Orders[query.Sort ?? new ListSort("created_at", true)];
        return database.ReadAsync(
            async session =>
            {
                var filters = session.Dialect == Dialect.Sqlite ? SqliteFilters : PostgreSqlFilters;
                var total = await session.ScalarAsync<long>($"SELECT COUNT(*) FROM tai_models m {filters}", parameters);
                var rows = await session.QueryAsync<Model>(
                    $"{SelectModel} {filters} {order} LIMIT @PageSize OFFSET @Skip", parameters);
                return (rows, total);
            },
            cancellation);
    }

    public Task<(IReadOnlyList<ModelVersion> Rows, long Total)> ListVersionsAsync(
        string modelId, ListQuery query, CancellationToken cancellation)
    {
        var parameters = new { ModelId = modelId, query.PageSize, query.Skip };
        var order = query.Sort is { Descending: false }
            ? "ORDER BY created_at, id"
            : "ORDER BY created_at DESC, id DESC";
        return database.ReadAsync(
            async session =>
            {
                var total = await session.ScalarAsync<long>(
                    "SELECT COUNT(*) FROM tai_model_versions WHERE model_id = @ModelId", parameters);
                var rows = await session.QueryAsync<ModelVersion>(
                    $"{SelectVersion} WHERE model_id = @ModelId {order} LIMIT @PageSize OFFSET @Skip", parameters);
                return (rows, total);
            },
            cancellation);
    }

    public Task<ModelVersion?> FindVersionAsync(string modelId, string version, CancellationToken cancellation) =>
        database.ReadAsync(
            session => session.FindAsync<ModelVersion>(
                $"{SelectVersion} WHERE model_id = @ModelId AND version = @Version",
                new { ModelId = modelId, Version = version }),
            cancellation);

    /// <summary>The version that an alias leads to.</summary>
    public Task<ModelVersion?> FindAliasedAsync(string modelId, string alias, CancellationToken cancellation) =>
        database.ReadAsync(
            session => session.FindAsync<ModelVersion>(
                $"""
                {SelectVersion} WHERE model_id = @ModelId AND version =
                    (SELECT version FROM tai_model_aliases WHERE model_id = @ModelId AND alias = @Alias)
                """,
                new { ModelId = modelId, Alias = alias }),
            cancellation);

    /// <summary>All versions of one major, in no order.</summary>
    public Task<IReadOnlyList<ModelVersion>> VersionsOfMajorAsync(
        string modelId, int major, CancellationToken cancellation) =>
        database.ReadAsync(
            session => session.QueryAsync<ModelVersion>(
                $"{SelectVersion} WHERE model_id = @ModelId AND major = @Major",
                new { ModelId = modelId, Major = major }),
            cancellation);

    /// <summary>Registers a model with its first version. The row that has this id already is given back as it is:
    /// an earlier try of the same request made it.</summary>
    /// <exception cref="ApiException">Name and provider are taken (20002).</exception>
    public async Task<Model> InsertAsync(Model model, ModelVersion version, CancellationToken cancellation)
    {
        try
        {
            await database.WriteAsync(
                async session =>
                {
                    await session.ExecuteAsync(InsertModel, model);
                    await session.ExecuteAsync(InsertVersion, version);
                },
                cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsUniqueViolation(e))
        {
            if (await FindAsync(model.Id, cancellation) is { } earlier) return earlier;
            throw new ApiException(
                ErrorCodes.ModelExists, $"a model '{model.Name}' of provider '{model.Provider}' exists", inner: e);
        }

        return await GetAsync(model.Id, cancellation);
    }

    /// <summary>Adds a version and makes it the current one.</summary>
    /// <param name="seen">As it was when the change was decided.</param>
    /// <exception cref="ApiException">The version exists (20006), or the model changed meanwhile (20005).</exception>
    public async Task AddVersionAsync(
        Model seen, ModelVersion version, string? statusReason, CancellationToken cancellation)
    {
        try
        {
            await database.WriteAsync(
                async session =>
                {
                    await session.ExecuteAsync(InsertVersion, version);
                    await SwitchAsync(session, seen, version, statusReason);
                },
                cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsUniqueViolation(e))
        {
            throw new ApiException(
                ErrorCodes.ModelVersionExists, $"version: {version.Version} exists and is immutable", inner: e);
        }
    }

    /// <summary>Makes an existing version the current one.</summary>
    /// <exception cref="ApiException">The model changed meanwhile (20005).</exception>
    public Task UseVersionAsync(Model seen, ModelVersion version, CancellationToken cancellation) =>
        database.WriteAsync(
            session => SwitchAsync(session, seen, version, seen.StatusReason), cancellation);

    /// <summary>Moves from one status to another.</summary>
    /// <exception cref="ApiException">The model changed meanwhile (20005).</exception>
    public Task SetStatusAsync(
        Model seen, string status, string? reason, CancellationToken cancellation,
        DateTimeOffset? deprecatedAt = null, DateTimeOffset? retireAt = null) =>
        database.WriteAsync(
            async session =>
            {
                var changed = await session.ExecuteAsync(SwitchStatus, new
                {
                    seen.Id,
                    Status = status,
                    StatusReason = reason,
                    DeprecatedAt = deprecatedAt,
                    RetireAt = retireAt,
                    Now = time.GetUtcNow(),
                    SeenStatus = seen.Status,
                });
                if (changed == 0) throw Changed(seen);
            },
            cancellation);

    /// <summary>Writes what the first passed test measured; later ones change nothing.</summary>
    public Task FillFactsAsync(
        string modelId, string version, ModelTest test, CancellationToken cancellation) =>
        database.WriteAsync(
            session => session.ExecuteAsync(
                FillFacts,
                new
                {
                    ModelId = modelId,
                    Version = version,
                    test.Kind,
                    test.Dims,
                    test.Checksum,
                    Facts = ModelFacts.TextOf(test),
                }),
            cancellation);

    /// <summary>Models in use that were last tested before a time, those first that have waited longest.</summary>
    public Task<IReadOnlyList<Model>> DueForTestAsync(
        DateTimeOffset before, int max, CancellationToken cancellation) =>
        database.ReadAsync(
            session => session.QueryAsync<Model>(
                $"""
                {SelectModel}
                WHERE m.status IN ('active', 'deprecated') AND (m.tested_at IS NULL OR m.tested_at < @before)
                ORDER BY m.tested_at, m.id LIMIT @max
                """,
                new { before, max }),
            cancellation);

    /// <summary>Writes what a test by the timer came to; false when the model changed meanwhile.</summary>
    public async Task<bool> SetTestedAsync(
        Model seen, string status, string? reason, int failed, CancellationToken cancellation) =>
        await database.WriteAsync(
            session => session.ExecuteAsync(SetTested, new
            {
                seen.Id,
                Status = status,
                Reason = reason,
                Failed = failed,
                Now = time.GetUtcNow(),
                SeenStatus = seen.Status,
                SeenVersion = seen.Version,
            }),
            cancellation) == 1;

    /// <summary>Replaces all tags.</summary>
    /// <exception cref="ApiException">There is no such model (20001).</exception>
    public Task SetTagsAsync(string id, string tags, CancellationToken cancellation) =>
        DescribeAsync(id, "UPDATE tai_models SET tags = @Text, updated_at = @Now WHERE id = @Id", tags, cancellation);

    /// <param name="id">Of the model.</param>
    /// <param name="card">As JSON; null takes it away.</param>
    /// <param name="cancellation">Of the request.</param>
    /// <exception cref="ApiException">There is no such model (20001).</exception>
    public Task SetCardAsync(string id, string? card, CancellationToken cancellation) =>
        DescribeAsync(id, "UPDATE tai_models SET card = @Text, updated_at = @Now WHERE id = @Id", card, cancellation);

    /// <exception cref="ApiException">There is none (20001), or a collection uses it (20008).</exception>
    public async Task DeleteAsync(string id, CancellationToken cancellation)
    {
        try
        {
            var deleted = await database.WriteAsync(
                session => session.ExecuteAsync("DELETE FROM tai_models WHERE id = @Id", new { Id = id }),
                cancellation);
            if (deleted == 0) throw new ApiException(ErrorCodes.ModelNotFound);
        }
        catch (Exception e) when (DatabaseFailure.IsForeignKeyViolation(e))
        {
            throw new ApiException(ErrorCodes.ModelInUse, "a vector collection still uses the model", inner: e);
        }
    }

    private async Task DescribeAsync(string id, string sql, string? text, CancellationToken cancellation)
    {
        var changed = await database.WriteAsync(
            session => session.ExecuteAsync(sql, new { Id = id, Text = text, Now = time.GetUtcNow() }), cancellation);
        if (changed == 0) throw new ApiException(ErrorCodes.ModelNotFound);
    }

    private async Task SwitchAsync(
        DatabaseSession session, Model seen, ModelVersion version, string? statusReason)
    {
        var changed = await session.ExecuteAsync(SwitchVersion, new
        {
            ModelId = seen.Id,
            version.Version,
            version.Endpoint,
            version.Config,
            StatusReason = statusReason,
            Now = time.GetUtcNow(),
            SeenVersion = seen.Version,
            SeenStatus = seen.Status,
        });
        if (changed == 0) throw Changed(seen);
    }

    private static ApiException Changed(Model seen) => new(
        ErrorCodes.ModelTransition,
        $"the model was {seen.Status} at version {seen.Version} and has changed meanwhile; read it again");
}
