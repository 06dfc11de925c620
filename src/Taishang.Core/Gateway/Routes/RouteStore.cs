using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Gateway.Routes;

/// <summary>Rows of tai_model_routes.</summary>
internal sealed class RouteStore(Database database, TimeProvider time)
{
    private const string Select =
        "SELECT id, name, description, strategy, definition, created_at, updated_at FROM tai_model_routes";

    private const string Insert =
        """
        INSERT INTO tai_model_routes (id, name, description, strategy, definition, created_at, updated_at)
        VALUES (@Id, @Name, @Description, @Strategy, @Definition, @CreatedAt, @UpdatedAt)
        """;

    private const string Update =
        """
        UPDATE tai_model_routes
        SET name = @Name, description = @Description, strategy = @Strategy, definition = @Definition,
            updated_at = @UpdatedAt
        WHERE id = @Id
        """;

    private const string Matches = "WHERE (CAST(@Strategy AS VARCHAR(20)) IS NULL OR strategy = @Strategy)";

    private static readonly Dictionary<ListSort, string> Orders = new()
    {
        [new("name", false)] = "ORDER BY name",
        [new("name", true)] = "ORDER BY name DESC",
        [new("created_at", false)] = "ORDER BY id",
        [new("created_at", true)] = "ORDER BY id DESC",
    };

    /// <summary>The row that has this id already is given back as it is: an earlier try of the request made it.
    /// </summary>
    /// <exception cref="ApiException">The name is taken (20021), or there are as many as may be (20022).</exception>
    public Task<ModelRoute> InsertAsync(ModelRoute route, CancellationToken cancellation) => NamedAsync(route, () =>
        database.WriteAsync(
            async session =>
            {
                if (await session.FindAsync<ModelRoute>($"{Select} WHERE id = @Id", new { route.Id }) is { } first)
                    return first;
                if (await session.ScalarAsync<long>("SELECT COUNT(*) FROM tai_model_routes") >= RouteRules.RoutesMax)
                    throw new ApiException(
                        ErrorCodes.ModelRouteInvalid,
                        $"there are {RouteRules.RoutesMax} routes, and that is the limit");
                await session.ExecuteAsync(Insert, route);
                return route;
            },
            cancellation));

    /// <exception cref="ApiException">It is gone (20020), or the name is taken (20021).</exception>
    public Task<ModelRoute> UpdateAsync(ModelRoute route, CancellationToken cancellation) => NamedAsync(route, () =>
        database.WriteAsync(
            async session => await session.ExecuteAsync(Update, route) > 0 ? route : throw Missing(route.Name),
            cancellation));

    /// <summary>By id or name; null when there is none.</summary>
    public Task<ModelRoute?> FindAsync(string reference, CancellationToken cancellation) =>
        database.ReadAsync(
            session => session.FindAsync<ModelRoute>(
                $"{Select} WHERE id = @reference OR name = @reference", new { reference }),
            cancellation);

    /// <exception cref="ApiException">There is none (20020).</exception>
    public async Task<ModelRoute> GetAsync(string reference, CancellationToken cancellation) =>
        await FindAsync(reference, cancellation) ?? throw Missing(reference);

    /// <exception cref="ApiException">There is none (20020).</exception>
    public Task DeleteAsync(string reference, CancellationToken cancellation) => database.WriteAsync(
        async session =>
        {
            if (await session.ExecuteAsync(
                "DELETE FROM tai_model_routes WHERE id = @reference OR name = @reference", new { reference }) == 0)
                throw Missing(reference);
        },
        cancellation);

    public Task<(IReadOnlyList<ModelRoute> Rows, long Total)> ListAsync(
        ListQuery query, string? strategy, CancellationToken cancellation)
    {
        var parameters = new { Strategy = strategy, query.PageSize, query.Skip };
        var order = Orders[query.Sort ?? new ListSort("created_at", true)];
        return database.ReadAsync(
            async session => (
                await session.QueryAsync<ModelRoute>(
                    $"{Select} {Matches} {order} LIMIT @PageSize OFFSET @Skip", parameters),
                await session.ScalarAsync<long>($"SELECT COUNT(*) FROM tai_model_routes {Matches}", parameters)),
            cancellation);
    }

    /// <summary>Every reference of every route, each route and reference once.</summary>
    public async Task<IReadOnlyList<NamedReference>> NamingModelsAsync(CancellationToken cancellation)
    {
        var rows = await database.ReadAsync(
            session => session.QueryAsync<ModelRoute>(
                $"{Select} ORDER BY name LIMIT {RouteRules.RoutesMax}"), cancellation);
        return
        [
            .. from row in rows
               let definition = row.Read()
               from reference in definition.Targets.Concat(definition.Fallbacks ?? []).Select(target => target.Model)
                   .Concat(definition.Shadow is { } shadow ? [shadow.Model] : []).Distinct(StringComparer.Ordinal)
               select new NamedReference { Id = row.Id, Name = row.Name, Reference = reference },
        ];
    }

    public DateTimeOffset Now() => time.GetUtcNow();

    private static async Task<ModelRoute> NamedAsync(ModelRoute route, Func<Task<ModelRoute>> write)
    {
        try
        {
            return await write();
        }
        catch (Exception e) when (DatabaseFailure.IsUniqueViolation(e))
        {
            throw new ApiException(
                ErrorCodes.ModelRouteExists, $"name: a route '{route.Name}' exists",
                [new FieldError("name", ErrorCodes.ModelRouteExists.Number, "a route of this name exists")], inner: e);
        }
    }

    private static ApiException Missing(string reference) => new(
        ErrorCodes.ModelRouteNotFound,
        $"no such route: '{(reference.Length <= 100 ? reference : reference[..100] + "…")}'");
}
