using Taishang.Core.Data;

namespace Taishang.Core.ServiceCalls;

/// <summary>Which calls are meant; null fields mean any. The names are those of the statements' parameters.</summary>
/// <param name="From">At or after.</param>
/// <param name="To">Before.</param>
/// <param name="MinDurationUs">At least as long, in microseconds.</param>
internal sealed record ServiceCallFilter(
    string? SourceService, string? TargetService, string? Method, string? Status, string? TraceId,
    DateTimeOffset From, DateTimeOffset To, long MinDurationUs)
{
    /// <summary>True when calls of the month can be among those meant.</summary>
    public bool Touches(Month month) => month.Start < To && month.Next().Start > From;

    /// <summary>The condition as SQL: fixed pieces, whose values are parameters.</summary>
    public string Where() =>
        "created_at >= @From AND created_at < @To"
        + (SourceService is null ? "" : " AND source_service = @SourceService")
        + (TargetService is null ? "" : " AND target_service = @TargetService")
        + (Method is null ? "" : " AND method = @Method")
        + (Status is null ? "" : " AND status = @Status")
        + (TraceId is null ? "" : " AND trace_id = @TraceId")
        + (MinDurationUs == 0 ? "" : " AND duration_us >= @MinDurationUs");
}
