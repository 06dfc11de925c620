namespace Taishang.Core.ServiceCalls;

/// <summary>A recorded attempt of a call, as it stands in its row and on the wire.</summary>
public sealed class ServiceCall
{
    public const string Core = "taishang-core";
    public const string Ai = "taishang-ai";

    public string Id { get; init; } = "";

    public string SourceService { get; init; } = Core;

    public string TargetService { get; init; } = Ai;

    /// <summary>As in the proto, such as SearchVectors.</summary>
    public string Method { get; init; } = "";

    /// <summary>JSON without vectors, cut to a limit; empty when nothing was sent.</summary>
    public string Request { get; init; } = "";

    /// <summary>Likewise; empty when there was no answer.</summary>
    public string Response { get; init; } = "";

    /// <summary>Milliseconds, rounded.</summary>
    public long Duration { get; init; }

    /// <summary>Microseconds: most calls take less than a millisecond.</summary>
    public long DurationUs { get; init; }

    /// <summary>success, failed or timeout.</summary>
    public string Status { get; init; } = "";

    /// <summary>Empty for success.</summary>
    public string ErrorMsg { get; init; } = "";

    /// <summary>Number of the error table; null for success.</summary>
    public int? ErrorCode { get; init; }

    public string? TraceId { get; init; }

    /// <summary>Where the worker was; empty when none could be chosen.</summary>
    public string Address { get; init; } = "";

    public string? WorkerId { get; init; }

    /// <summary>From 1; attempts of one call share its trace id.</summary>
    public int Attempt { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}
