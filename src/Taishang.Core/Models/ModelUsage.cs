using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>Who names a model, at most <see cref="RowsMax"/> of each kind with the count of all of them.</summary>
internal sealed record ModelUsage
{
    /// <summary>Rows of each kind that an answer holds.</summary>
    public const int RowsMax = 100;

    /// <summary>Of schedules, and of the live tasks of a month: rows that are looked at.</summary>
    public const int ReadMax = 10_000;

    public required ModelUsers<ModelUserCollection> Collections { get; init; }

    public required ModelUsers<ModelUserAlias> Aliases { get; init; }

    public required ModelUsers<ModelUserRoute> Routes { get; init; }

    public required ModelUsers<ModelUserSchedule> Schedules { get; init; }

    public required ModelUsers<ModelUserTask> Tasks { get; init; }

    /// <summary>Calls are refused from then on.</summary>
    public DateTimeOffset? RetireAt { get; init; }

    /// <summary>Refuses while anybody but the model's own aliases names it.</summary>
    /// <exception cref="ApiException">In use (20008), with who.</exception>
    public void ThrowIfUsed()
    {
        var total = Collections.Total + Routes.Total + Schedules.Total + Tasks.Total;
        if (total == 0) return;
        var code = ErrorCodes.ModelInUse.Number;
        var users = Collections.Items.Select(row => new FieldError("collections", code, $"{row.Name} ({row.Id})"))
            .Concat(Routes.Items.Select(row => new FieldError("routes", code, $"{row.Name} ({row.Id})")))
            .Concat(Schedules.Items.Select(row => new FieldError("schedules", code, $"{row.Name} ({row.Id})")))
            .Concat(Tasks.Items.Select(row => new FieldError("tasks", code, $"{row.Type} {row.Id}")))
            .Take(FieldErrors.ErrorsMax).ToList();
        throw new ApiException(
            ErrorCodes.ModelInUse,
            $"{ErrorCodes.ModelInUse.Message} by {Collections.Total} collections, {Routes.Total} routes,"
            + $" {Schedules.Total} schedules and {Tasks.Total} live tasks",
            users);
    }
}

internal sealed record ModelUsers<T>(long Total, IReadOnlyList<T> Items)
{
    public static ModelUsers<T> Of(IReadOnlyList<T> rows) => new(rows.Count, [.. rows.Take(ModelUsage.RowsMax)]);
}

internal sealed record ModelUserCollection(string Id, string Name, int Major);

internal sealed record ModelUserAlias(string Alias, string Version);

internal sealed record ModelUserRoute(string Id, string Name, string Model);

internal sealed record ModelUserSchedule(string Id, string Name, string Model);

internal sealed record ModelUserTask(string Id, string Type, string Model);
