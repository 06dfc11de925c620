namespace Taishang.Core.ServiceCalls;

/// <summary>How an attempt of a call ended.</summary>
internal enum CallStatus
{
    Success,
    Failed,
    Timeout,
}

/// <summary>The words of the wire and of the rows.</summary>
internal static class CallStatusText
{
    public static readonly string[] All = ["success", "failed", "timeout"];

    public static string Text(this CallStatus status) => All[(int)status];
}
