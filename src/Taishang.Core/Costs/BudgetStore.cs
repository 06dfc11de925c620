using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Costs;

/// <summary>Rows of tai_budgets and the periods that they are in.</summary>
internal sealed class BudgetStore(Database database, TimeProvider time)
{
    /// <summary>Each is looked at by calls that it may cover.</summary>
    public const int BudgetsMax = 1_000;

    private const string Select = """
        SELECT id, name, description, tenant, key_id, model, route, unit, currency, period, limit_units, mode,
            uncounted, thresholds, created_at, updated_at
        FROM tai_budgets
        """;

    private const string Insert = """
        INSERT INTO tai_budgets (id, name, description, tenant, key_id, model, route, unit, currency, period,
            limit_units, mode, uncounted, thresholds, created_at, updated_at)
        VALUES (@Id, @Name, @Description, @Tenant, @KeyId, @Model, @Route, @Unit, @Currency, @Period, @LimitUnits,
            @Mode, @Uncounted, @Thresholds, @CreatedAt, @UpdatedAt)
        """;

    private const string Update = """
        UPDATE tai_budgets SET name = @Name, description = @Description, limit_units = @LimitUnits, mode = @Mode,
            uncounted = @Uncounted, thresholds = @Thresholds, updated_at = @UpdatedAt
        WHERE id = @Id
        """;

    private const string Changed = "UPDATE tai_budget_revision SET revision = revision + 1";

    private const string Revision = "SELECT revision FROM tai_budget_revision";

    private const string Matches = """
        WHERE (CAST(@tenant AS VARCHAR(100)) IS NULL OR tenant = @tenant)
            AND (CAST(@model AS VARCHAR(255)) IS NULL OR model = @model)
            AND (CAST(@route AS VARCHAR(100)) IS NULL OR route = @route)
            AND (CAST(@key AS VARCHAR(100)) IS NULL OR key_id = @key)
            AND (CAST(@unit AS VARCHAR(10)) IS NULL OR unit = @unit)
        """;

    private const string Period = """
        SELECT budget_id, period, used, reserved, abandoned, refused, told FROM tai_budget_periods
        WHERE budget_id = @id AND period = @period
        """;

    private const string Highest = """
        SELECT MAX(CAST(p.used + p.abandoned AS DOUBLE PRECISION) * 100 / b.limit_units)
        FROM tai_budgets b JOIN tai_budget_periods p
            ON p.budget_id = b.id AND p.period = CASE b.period WHEN 'day' THEN @day ELSE @month END
        WHERE (CAST(@name AS VARCHAR(50)) IS NULL OR b.name = @name)
        """;

    private static readonly Dictionary<ListSort, string> Orders = new()
    {
        [new("name", false)] = "ORDER BY name",
        [new("name", true)] = "ORDER BY name DESC",
        [new("created_at", false)] = "ORDER BY id",
        [new("created_at", true)] = "ORDER BY id DESC",
    };

    public Task<long> RevisionAsync(CancellationToken cancellation) =>
        database.ReadAsync(session => session.ScalarAsync<long>(Revision), cancellation);

    public Task<BudgetSet> ReadAllAsync(CancellationToken cancellation) => database.ReadAsync(
        async session => new BudgetSet(
            await session.ScalarAsync<long>(Revision),
            await session.QueryAsync<Budget>($"{Select} ORDER BY id LIMIT {BudgetsMax}")),
        cancellation);

    /// <summary>The row that has this id already is given back as it is: an earlier try of the request made
    /// it.</summary>
    /// <exception cref="ApiException">The name is taken (20032), or there are as many as may be (20033).</exception>
    public Task<Budget> InsertAsync(Budget budget, CancellationToken cancellation) => NamedAsync(budget, () =>
        database.WriteAsync(
            async session =>
            {
                if (await session.FindAsync<Budget>($"{Select} WHERE id = @Id", new { budget.Id }) is { } first)
                    return first;
                if (await session.ScalarAsync<long>("SELECT COUNT(*) FROM tai_budgets") >= BudgetsMax)
                    throw new ApiException(
                        ErrorCodes.BudgetInvalid, $"there are {BudgetsMax} budgets, and that is the limit");
                await session.ExecuteAsync(Insert, budget);
                await session.ExecuteAsync(Changed);
                return budget;
            },
            cancellation));

    /// <exception cref="ApiException">It is gone (20034), or the name is taken (20032).</exception>
    public Task<Budget> UpdateAsync(Budget budget, CancellationToken cancellation) => NamedAsync(budget, () =>
        database.WriteAsync(
            async session =>
            {
                if (await session.ExecuteAsync(Update, budget) == 0) throw Missing(budget.Name);
                await session.ExecuteAsync(Changed);
                return budget;
            },
            cancellation));

    /// <summary>Takes its periods and what is leased of it along.</summary>
    /// <exception cref="ApiException">There is none (20034).</exception>
    public Task DeleteAsync(string reference, CancellationToken cancellation) => database.WriteAsync(
        async session =>
        {
            if (await session.ExecuteAsync(
                "DELETE FROM tai_budgets WHERE id = @reference OR name = @reference", new { reference }) == 0)
                throw Missing(reference);
            await session.ExecuteAsync(Changed);
        },
        cancellation);

    /// <summary>By id or name.</summary>
    /// <exception cref="ApiException">There is none (20034).</exception>
    public Task<Budget> GetAsync(string reference, CancellationToken cancellation) =>
        database.ReadAsync(session => GetAsync(session, reference), cancellation);

    public static async Task<Budget> GetAsync(DatabaseSession session, string reference) =>
        await session.FindAsync<Budget>($"{Select} WHERE id = @reference OR name = @reference", new { reference })
            ?? throw Missing(reference);

    /// <summary>By its id, in the caller's transaction; null when it is gone.</summary>
    public static Task<Budget?> FindAsync(DatabaseSession session, string id) =>
        session.FindAsync<Budget>($"{Select} WHERE id = @id", new { id });

    /// <summary>The highest share that a budget has used in its period that is now, in per cent; null for
    /// none.</summary>
    /// <param name="name">Of the budget; null for all.</param>
    /// <param name="now">What is now.</param>
    /// <param name="cancellation">Of the caller.</param>
    public Task<double?> HighestPercentAsync(string? name, DateTimeOffset now, CancellationToken cancellation) =>
        database.ReadAsync(
            session => session.ScalarAsync<double?>(Highest, new
            {
                name,
                day = BudgetPeriod.Of(BudgetWords.Day, now).Key,
                month = BudgetPeriod.Of(BudgetWords.Month, now).Key,
            }),
            cancellation);

    /// <summary>All budgets, in the caller's transaction.</summary>
    public static Task<IReadOnlyList<Budget>> AllAsync(DatabaseSession session) =>
        session.QueryAsync<Budget>($"{Select} ORDER BY id LIMIT {BudgetsMax}");

    public Task<(IReadOnlyList<Budget> Rows, long Total)> ListAsync(ListQuery query, CancellationToken cancellation)
    {
        var parameters = new
        {
            tenant = query.Filter("tenant"),
            model = query.Filter("model"),
            route = query.Filter("route"),
            key = query.Filter("key_id"),
            unit = query.Filter("unit"),
            query.PageSize,
            query.Skip,
        };
        var order = Orders[query.Sort ?? new ListSort("created_at", true)];
        return database.ReadAsync(
            async session => (
                await session.QueryAsync<Budget>(
                    $"{Select} {Matches} {order} LIMIT @PageSize OFFSET @Skip", parameters),
                await session.ScalarAsync<long>($"SELECT COUNT(*) FROM tai_budgets {Matches}", parameters)),
            cancellation);
    }

    /// <summary>As far as it has come in the database; all 0 where nothing was used.</summary>
    public Task<IReadOnlyList<BudgetState>> StatesAsync(
        IReadOnlyList<Budget> budgets, CancellationToken cancellation) => database.ReadAsync(
        async session =>
        {
            var states = new List<BudgetState>(budgets.Count);
            foreach (var budget in budgets)
            {
                var period = BudgetPeriod.Of(budget.Period, time.GetUtcNow()).Key;
                states.Add(await session.FindAsync<BudgetState>(Period, new { id = budget.Id, period })
                    ?? new BudgetState { BudgetId = budget.Id, Period = period });
            }

            return (IReadOnlyList<BudgetState>)states;
        },
        cancellation);

    public DateTimeOffset Now() => time.GetUtcNow();

    private static async Task<Budget> NamedAsync(Budget budget, Func<Task<Budget>> write)
    {
        try
        {
            return await write();
        }
        catch (Exception e) when (DatabaseFailure.IsUniqueViolation(e))
        {
            throw new ApiException(
                ErrorCodes.BudgetExists, $"name: a budget '{budget.Name}' exists",
                [new FieldError("name", ErrorCodes.BudgetExists.Number, "a budget of this name exists")], inner: e);
        }
    }

    private static ApiException Missing(string reference) => new(
        ErrorCodes.BudgetNotFound,
        $"no such budget: '{(reference.Length <= 100 ? reference : reference[..100] + "…")}'");
}

/// <summary>A row of tai_budget_periods.</summary>
internal sealed record BudgetState
{
    public string BudgetId { get; init; } = "";

    public string Period { get; init; } = "";

    public long Used { get; init; }

    public long Reserved { get; init; }

    public long Abandoned { get; init; }

    public long Refused { get; init; }

    public int Told { get; init; }
}
