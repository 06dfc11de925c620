using System.Diagnostics;
using Google.Protobuf;

namespace Taishang.Core.ServiceCalls;

/// <summary>
/// One attempt of a call as the client hands it over: the messages themselves, because turning them into text belongs
/// to the background. They must not be changed afterwards.
/// </summary>
internal sealed record CallRecord(
    DateTimeOffset StartedAt,
    string Method,
    IMessage? Request,
    IMessage? Response,
    TimeSpan Duration,
    CallStatus Status,
    int ErrorCode,
    string? ErrorMessage,
    ActivityTraceId? TraceId,
    string Address,
    string? WorkerId,
    int Attempt);
