using Taishang.Core.Data;

namespace Taishang.Core.Collections;

/// <summary>
/// The own names of collections in tai_collection_names, where aliases stand under the same key: one name never leads
/// to two collections, whoever writes at the same time.
/// </summary>
internal static class CollectionNames
{
    private const string SqliteAliases = """
        SELECT name, collection_id FROM tai_collection_names WHERE kind = 'alias' AND collection_id IN @collectionIds
        """;

    private const string PostgreSqlAliases = """
        SELECT name, collection_id FROM tai_collection_names
        WHERE kind = 'alias' AND collection_id = ANY(@collectionIds)
        """;

    /// <summary>Fails by the unique key when the name is taken.</summary>
    public static Task AddAsync(DatabaseSession session, Collection row) =>
        session.ExecuteAsync("""
            INSERT INTO tai_collection_names (name, kind, collection_id, created_at, updated_at)
            VALUES (@Name, 'name', @Id, @CreatedAt, @UpdatedAt)
            """,
            new { row.Name, row.Id, row.CreatedAt, row.UpdatedAt });

    /// <summary>As <see cref="AddAsync"/>; aliases stay.</summary>
    public static Task RenameAsync(DatabaseSession session, Collection changed) =>
        session.ExecuteAsync("""
            UPDATE tai_collection_names SET name = @Name, updated_at = @UpdatedAt
            WHERE collection_id = @Id AND kind = 'name'
            """,
            new { changed.Name, changed.UpdatedAt, changed.Id });

    /// <summary>Leaves aliases, which then keep the collection's row from being deleted.</summary>
    public static Task RemoveOwnAsync(DatabaseSession session, string collectionId) =>
        session.ExecuteAsync(
            "DELETE FROM tai_collection_names WHERE collection_id = @collectionId AND kind = 'name'",
            new { collectionId });

    public static Task RemoveAliasesAsync(DatabaseSession session, string collectionId) =>
        session.ExecuteAsync(
            "DELETE FROM tai_collection_names WHERE collection_id = @collectionId AND kind = 'alias'",
            new { collectionId });

    /// <summary>Aliases of some collections, by collection.</summary>
    public static async Task<ILookup<string, string>> AliasesAsync(
        DatabaseSession session, IReadOnlyCollection<string> collectionIds)
    {
        if (collectionIds.Count == 0) return Array.Empty<AliasRow>().ToLookup(row => row.CollectionId, row => row.Name);
        var sql = session.Dialect == Dialect.Sqlite ? SqliteAliases : PostgreSqlAliases;
        var rows = await session.QueryAsync<AliasRow>(sql, new { collectionIds = collectionIds.ToArray() });
        return rows.ToLookup(row => row.CollectionId, row => row.Name);
    }

    private sealed class AliasRow
    {
        public string Name { get; init; } = "";

        public string CollectionId { get; init; } = "";
    }
}
