using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Collections;

/// <summary>All SQL of aliases, but for what a collection's own deletion does.</summary>
internal sealed class AliasStore(Database database)
{
    public static readonly string[] FilterFields = ["collection"];

    public static readonly string[] SortFields = ["alias", "created_at", "updated_at"];

    private const string Select = """
        SELECT n.name, n.collection_id, c.name AS collection_name, n.created_at, n.updated_at
        FROM tai_collection_names n JOIN tai_vector_collections c ON c.id = n.collection_id
        WHERE n.kind = 'alias'
        """;

    public Task<Alias?> FindAsync(string name, CancellationToken cancellation) =>
        Collection.IsName(name)
            ? database.ReadAsync(session => FindAsync(session, name), cancellation)
            : Task.FromResult<Alias?>(null);

    /// <param name="query">Paging and order.</param>
    /// <param name="collectionId">Only those of one collection; null for all.</param>
    /// <param name="cancellation">Of the request.</param>
    public Task<(IReadOnlyList<Alias> Rows, long Total)> ListAsync(
        ListQuery query, string? collectionId, CancellationToken cancellation) =>
        database.ReadAsync(
            async session =>
            {
                var parameters = new { collectionId, take = query.PageSize, skip = query.Skip };
                var rows = await session.QueryAsync<Alias>(
                    $"{Select} AND (@collectionId IS NULL OR n.collection_id = @collectionId) {Order(query.Sort)} "
                        + "LIMIT @take OFFSET @skip",
                    parameters);
                var total = await session.ScalarAsync<long>("""
                    SELECT COUNT(*) FROM tai_collection_names
                    WHERE kind = 'alias' AND (@collectionId IS NULL OR collection_id = @collectionId)
                    """,
                    parameters);
                return (rows, total);
            },
            cancellation);

    /// <summary>All changes in one transaction, or none. Returns the aliases as they are then, without those removed.
    /// </summary>
    /// <param name="changes">Each alias once.</param>
    /// <param name="now">Becomes the time of the change.</param>
    /// <param name="cancellation">Of the request.</param>
    /// <exception cref="ApiException">A collection or alias does not exist, or a collection has the name.</exception>
    public async Task<IReadOnlyList<Alias>> ApplyAsync(
        IReadOnlyList<AliasChange> changes, DateTimeOffset now, CancellationToken cancellation)
    {
        try
        {
            return await database.WriteAsync(session => ApplyAsync(session, changes, now), cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsForeignKeyViolation(e))
        {
            // Deleted between the look at it and the write.
            throw new ApiException(
                ErrorCodes.CollectionNotFound, "aliases: a collection was deleted meanwhile", inner: e);
        }
    }

    private static async Task<IReadOnlyList<Alias>> ApplyAsync(
        DatabaseSession session, IReadOnlyList<AliasChange> changes, DateTimeOffset now)
    {
        var errors = new FieldErrors();
        var targets = new Dictionary<string, string>();
        for (var i = 0; i < changes.Count; i++)
        {
            if (changes[i] is not { Collection: { } reference } change) continue;
            if (await CollectionStore.FindAsync(session, reference) is { } row) targets[change.Name] = row.Id;
            else
                errors.Add(
                    ErrorCodes.CollectionNotFound, $"aliases[{i}].collection", $"no such collection: '{reference}'");
        }

        errors.ThrowIfAny();
        // In the order of their names, so that two calls over the same aliases never wait for each other.
        var order = Enumerable.Range(0, changes.Count).OrderBy(i => changes[i].Name, StringComparer.Ordinal);
        foreach (var i in order) await ApplyAsync(session, changes[i], i, targets, now, errors);
        errors.ThrowIfAny();
        var written = new List<Alias>();
        foreach (var change in changes.Where(change => change.Collection is not null))
            written.Add((await FindAsync(session, change.Name))!);
        await CheckCountsAsync(session, written);
        return written;
    }

    private static async Task ApplyAsync(
        DatabaseSession session, AliasChange change, int position, Dictionary<string, string> targets,
        DateTimeOffset now, FieldErrors errors)
    {
        if (!targets.TryGetValue(change.Name, out var collectionId))
        {
            var gone = await session.ExecuteAsync(
                "DELETE FROM tai_collection_names WHERE name = @Name AND kind = 'alias'", new { change.Name });
            if (gone == 0)
                errors.Add(
                    ErrorCodes.AliasNotFound, $"aliases[{position}].alias", $"no such alias: '{change.Name}'");
            return;
        }

        // An own name is left as it is, and counts no row.
        var written = await session.ExecuteAsync("""
            INSERT INTO tai_collection_names (name, kind, collection_id, created_at, updated_at)
            VALUES (@Name, 'alias', @collectionId, @now, @now)
            ON CONFLICT (name) DO UPDATE SET collection_id = excluded.collection_id, updated_at = excluded.updated_at
            WHERE tai_collection_names.kind = 'alias'
            """,
            new { change.Name, collectionId, now });
        if (written == 0)
            errors.Add(
                ErrorCodes.CollectionExists, $"aliases[{position}].alias",
                $"the name of a collection: '{change.Name}'");
    }

    private static async Task CheckCountsAsync(DatabaseSession session, List<Alias> written)
    {
        foreach (var collection in written.DistinctBy(alias => alias.CollectionId))
        {
            var count = await session.ScalarAsync<long>(
                "SELECT COUNT(*) FROM tai_collection_names WHERE collection_id = @CollectionId AND kind = 'alias'",
                new { collection.CollectionId });
            if (count > Alias.OfCollectionMax)
                throw new ApiException(
                    ErrorCodes.InvalidArgument,
                    $"aliases: a collection has at most {Alias.OfCollectionMax}, '{collection.CollectionName}' would "
                    + $"have {count}");
        }
    }

    private static Task<Alias?> FindAsync(DatabaseSession session, string name) =>
        session.FindAsync<Alias>($"{Select} AND n.name = @name", new { name });

    private static string Order(ListSort? sort) => sort switch
    {
        { Field: "alias", Descending: false } => "ORDER BY n.name",
        { Field: "alias", Descending: true } => "ORDER BY n.name DESC",
        { Field: "created_at", Descending: false } => "ORDER BY n.created_at, n.name",
        { Field: "updated_at", Descending: false } => "ORDER BY n.updated_at, n.name",
        { Field: "updated_at", Descending: true } => "ORDER BY n.updated_at DESC, n.name",
        _ => "ORDER BY n.created_at DESC, n.name",
    };
}
