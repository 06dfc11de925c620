using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Collections;

/// <summary>
/// All SQL of collections. A collection that is still being created has no worker yet and is seen by no one but its
/// creator: so nothing half-done is ever listed, found or written to.
/// </summary>
internal sealed class CollectionStore(Database database)
{
    public static readonly string[] FilterFields =
        ["name", "status", "index_type", "metric_type", "engine", "model_id"];

    public static readonly string[] SortFields = ["name", "dims", "created_at", "updated_at"];

    private const string Columns = """
        id, name, dims, index_type, metric_type, status, error_msg, params, model, model_id, model_major, engine,
        compression, ttl_seconds, shards, description, pinned, worker_id, build_task_id, created_at, updated_at
        """;

    /// <summary>By name, alias or id; null when there is none.</summary>
    public Task<Collection?> FindAsync(string reference, CancellationToken cancellation) =>
        database.ReadAsync(session => FindAsync(session, reference), cancellation);

    /// <summary>As above, within a transaction.</summary>
    public static async Task<Collection?> FindAsync(DatabaseSession session, string reference)
    {
        // Text that is neither names nothing, and some of it no database would take.
        if (!Collection.IsId(reference) && !Collection.IsName(reference)) return null;
        return await session.FindAsync<Collection>(
            Collection.IsId(reference)
                ? $"SELECT {Columns} FROM tai_vector_collections WHERE id = @reference AND worker_id IS NOT NULL"
                : $"""
                SELECT {Columns} FROM tai_vector_collections
                WHERE id = (SELECT collection_id FROM tai_collection_names WHERE name = @reference)
                  AND worker_id IS NOT NULL
                """,
            new { reference });
    }

    /// <summary>Those that are bound to a model, by name, with the count of all; also ones still being created.
    /// </summary>
    public Task<(IReadOnlyList<Collection> Rows, long Total)> OfModelAsync(
        string modelId, int max, CancellationToken cancellation) =>
        database.ReadAsync(
            async session =>
            {
                var rows = await session.QueryAsync<Collection>(
                    $"SELECT {Columns} FROM tai_vector_collections WHERE model_id = @modelId ORDER BY name LIMIT @max",
                    new { modelId, max });
                var total = await session.ScalarAsync<long>(
                    "SELECT COUNT(*) FROM tai_vector_collections WHERE model_id = @modelId", new { modelId });
                return (rows, total);
            },
            cancellation);

    /// <summary>Also one that is still being created.</summary>
    public Task<Collection?> FindCreatingAsync(string id, CancellationToken cancellation) =>
        database.ReadAsync(
            session => session.FindAsync<Collection>(
                $"SELECT {Columns} FROM tai_vector_collections WHERE id = @id", new { id }),
            cancellation);

    /// <summary>Aliases of some collections, by collection.</summary>
    public Task<ILookup<string, string>> AliasesAsync(
        IReadOnlyCollection<string> collectionIds, CancellationToken cancellation) =>
        database.ReadAsync(session => CollectionNames.AliasesAsync(session, collectionIds), cancellation);

    public Task<(IReadOnlyList<Collection> Rows, long Total)> ListAsync(
        ListQuery query, CancellationToken cancellation) =>
        database.ReadAsync(
            async session =>
            {
                var parameters = new
                {
                    name = query.Filter("name"),
                    status = query.Filter("status"),
                    index_type = query.Filter("index_type"),
                    metric_type = query.Filter("metric_type"),
                    engine = query.Filter("engine"),
                    model_id = query.Filter("model_id"),
                    take = query.PageSize,
                    skip = query.Skip,
                };
                var rows = await session.QueryAsync<Collection>(
                    $"SELECT {Columns} FROM tai_vector_collections {Where} {Order(query.Sort)} "
                        + "LIMIT @take OFFSET @skip",
                    parameters);
                var total = await session.ScalarAsync<long>(
                    $"SELECT COUNT(*) FROM tai_vector_collections {Where}", parameters);
                return (rows, total);
            },
            cancellation);

    /// <summary>Reserves name and id, and writes down what to undo should the creation not finish in time.</summary>
    /// <exception cref="ApiException">The name is taken.</exception>
    public async Task BeginCreateAsync(
        Collection row, string workerId, DateTimeOffset undoAt, CancellationToken cancellation)
    {
        try
        {
            await database.WriteAsync(
                async session =>
                {
                    await session.ExecuteAsync(InsertSql, row with { WorkerId = null });
                    await CollectionNames.AddAsync(session, row);
                    await CollectionDropStore.AddAsync(session, row.Id, workerId, undoAt, row.CreatedAt);
                },
                cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsUniqueViolation(e))
        {
            throw Taken(row.Name);
        }
    }

    /// <summary>The worker has made the place. False when the creation was undone meanwhile.</summary>
    public Task<bool> FinishCreateAsync(string id, string workerId, CancellationToken cancellation) =>
        database.WriteAsync(
            async session =>
            {
                var changed = await session.ExecuteAsync(
                    "UPDATE tai_vector_collections SET worker_id = @workerId WHERE id = @id AND worker_id IS NULL",
                    new { id, workerId });
                if (changed == 1) await CollectionDropStore.RemoveAsync(session, id);
                return changed == 1;
            },
            cancellation);

    /// <summary>Gives the name back; the undo stays until the worker has dropped what it may have made.</summary>
    public Task UndoCreateAsync(string id, DateTimeOffset now, CancellationToken cancellation) =>
        database.WriteAsync(
            async session =>
            {
                await DeleteCreatingAsync(session, id);
                await session.ExecuteAsync(
                    "UPDATE tai_collection_drops SET due_at = @now WHERE collection_id = @id", new { id, now });
            },
            cancellation);

    public static async Task DeleteCreatingAsync(DatabaseSession session, string id)
    {
        // The first statement holds the row, so that the creation can not finish between the other two.
        var creating = await session.ExecuteAsync(
            "UPDATE tai_vector_collections SET worker_id = NULL WHERE id = @id AND worker_id IS NULL", new { id });
        if (creating == 0) return;
        await CollectionNames.RemoveOwnAsync(session, id);
        await session.ExecuteAsync("DELETE FROM tai_vector_collections WHERE id = @id", new { id });
    }

    /// <summary>Writes what may change. False when the row is gone, changed under us, or the name is taken.</summary>
    /// <exception cref="ApiException">The new name is taken.</exception>
    public async Task<bool> ChangeAsync(Collection old, Collection changed, CancellationToken cancellation)
    {
        try
        {
            return await database.WriteAsync(session => ChangeAsync(session, old, changed), cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsUniqueViolation(e))
        {
            throw Taken(changed.Name);
        }
    }

    /// <summary>Removes the row and, in the same transaction, notes that its worker has to drop it.</summary>
    /// <param name="reference">Name, alias or id.</param>
    /// <param name="dropAliases">Its aliases go with it; else a collection that has any stays.</param>
    /// <param name="now">From now on the drop is due.</param>
    /// <param name="cancellation">Of the request.</param>
    /// <exception cref="ApiException">It has aliases, and they were not to go.</exception>
    public async Task<Collection?> DeleteAsync(
        string reference, bool dropAliases, DateTimeOffset now, CancellationToken cancellation)
    {
        try
        {
            return await database.WriteAsync(
                session => DeleteAsync(session, reference, dropAliases, now), cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsForeignKeyViolation(e))
        {
            // An alias was set between the look at them and the deletion: the database has kept what it names.
            throw new ApiException(ErrorCodes.CollectionAliased, inner: e);
        }
    }

    /// <summary>Whatever it was before. False when it already was so, or the row is gone.</summary>
    public Task<bool> SetStatusAsync(
        string id, string status, string? errorMsg, DateTimeOffset now, CancellationToken cancellation) =>
        database.WriteAsync(
            async session => await session.ExecuteAsync("""
                UPDATE tai_vector_collections SET status = @status, error_msg = @errorMsg, updated_at = @now
                WHERE id = @id AND (status <> @status OR COALESCE(error_msg, '') <> COALESCE(@errorMsg, ''))
                """,
                new { id, status, errorMsg, now }) == 1,
            cancellation);

    /// <summary>Only from a status that is still what was seen: a compare-and-set.</summary>
    public Task<bool> MoveStatusAsync(
        string id, string from, string to, DateTimeOffset now, CancellationToken cancellation) =>
        database.WriteAsync(
            async session => await session.ExecuteAsync("""
                UPDATE tai_vector_collections SET status = @to, error_msg = NULL, updated_at = @now
                WHERE id = @id AND status = @from
                """,
                new { id, from, to, now }) == 1,
            cancellation);

    /// <summary>Locks the row until the transaction ends, on PostgreSQL too, and reads it as it is then.</summary>
    public static async Task<Collection?> LockAsync(DatabaseSession session, string reference)
    {
        if (await FindAsync(session, reference) is not { } seen) return null;
        var locked = await session.ExecuteAsync(
            "UPDATE tai_vector_collections SET build_task_id = build_task_id WHERE id = @Id", new { seen.Id });
        return locked == 0 ? null : await FindAsync(session, seen.Id);
    }

    public static Task SetBuildTaskAsync(DatabaseSession session, string id, string taskId) =>
        session.ExecuteAsync(
            "UPDATE tai_vector_collections SET build_task_id = @taskId WHERE id = @id", new { id, taskId });

    private static async Task<bool> ChangeAsync(DatabaseSession session, Collection old, Collection changed)
    {
        var written = await session.ExecuteAsync("""
            UPDATE tai_vector_collections
            SET name = @Name, description = @Description, ttl_seconds = @TtlSeconds, params = @Params,
                pinned = CASE WHEN @Pinned THEN 1 ELSE 0 END, updated_at = @UpdatedAt
            WHERE id = @Id AND worker_id IS NOT NULL AND updated_at = @OldUpdatedAt
            """,
            new
            {
                changed.Name,
                changed.Description,
                changed.TtlSeconds,
                changed.Params,
                changed.Pinned,
                changed.UpdatedAt,
                changed.Id,
                OldUpdatedAt = old.UpdatedAt,
            });
        if (written == 1 && changed.Name != old.Name) await CollectionNames.RenameAsync(session, changed);
        return written == 1;
    }

    private static async Task<Collection?> DeleteAsync(
        DatabaseSession session, string reference, bool dropAliases, DateTimeOffset now)
    {
        if (await LockAsync(session, reference) is not { WorkerId: { } workerId } row) return null;
        if (dropAliases)
        {
            await CollectionNames.RemoveAliasesAsync(session, row.Id);
        }
        else
        {
            var aliases = (await CollectionNames.AliasesAsync(session, [row.Id]))[row.Id].ToArray();
            if (aliases.Length > 0)
                throw new ApiException(
                    ErrorCodes.CollectionAliased,
                    $"{ErrorCodes.CollectionAliased.Message}: '{row.Name}' is also {string.Join(", ", aliases)}");
        }

        await CollectionNames.RemoveOwnAsync(session, row.Id);
        await session.ExecuteAsync("DELETE FROM tai_vector_collections WHERE id = @Id", new { row.Id });
        await CollectionDropStore.AddAsync(session, row.Id, workerId, now, now);
        return row;
    }

    private static ApiException Taken(string name) => new(
        ErrorCodes.CollectionExists, $"{ErrorCodes.CollectionExists.Message}: {name}",
        [new FieldError("name", ErrorCodes.CollectionExists.Number, $"taken: '{name}'")]);

    private const string Where = """
        WHERE worker_id IS NOT NULL
          AND (@name IS NULL OR name = @name)
          AND (@status IS NULL OR status = @status)
          AND (@index_type IS NULL OR index_type = @index_type)
          AND (@metric_type IS NULL OR metric_type = @metric_type)
          AND (@engine IS NULL OR engine = @engine)
          AND (@model_id IS NULL OR model_id = @model_id)
        """;

    private static string Order(ListSort? sort) => sort switch
    {
        { Field: "name", Descending: false } => "ORDER BY name",
        { Field: "name", Descending: true } => "ORDER BY name DESC",
        { Field: "dims", Descending: false } => "ORDER BY dims, id",
        { Field: "dims", Descending: true } => "ORDER BY dims DESC, id DESC",
        { Field: "created_at", Descending: false } => "ORDER BY created_at, id",
        { Field: "updated_at", Descending: false } => "ORDER BY updated_at, id",
        { Field: "updated_at", Descending: true } => "ORDER BY updated_at DESC, id DESC",
        _ => "ORDER BY created_at DESC, id DESC",
    };

    private const string InsertSql = """
        INSERT INTO tai_vector_collections
            (id, name, dims, index_type, metric_type, status, error_msg, params, model, model_id, model_major, engine,
             compression, ttl_seconds, shards, description, pinned, worker_id, build_task_id, created_at, updated_at)
        VALUES
            (@Id, @Name, @Dims, @IndexType, @MetricType, @Status, @ErrorMsg, @Params, @Model, @ModelId, @ModelMajor,
             @Engine, @Compression, @TtlSeconds, @Shards, @Description, CASE WHEN @Pinned THEN 1 ELSE 0 END, @WorkerId,
             @BuildTaskId, @CreatedAt, @UpdatedAt)
        """;
}
