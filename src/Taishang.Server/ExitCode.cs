namespace Taishang.Server;

/// <summary>What the process tells whoever started it; README lists them.</summary>
internal static class ExitCode
{
    public const int Stopped = 0;

    /// <summary>An unexpected failure; the log says which.</summary>
    public const int Failed = 1;

    /// <summary>Switches or configuration that can not be understood.</summary>
    public const int Usage = 2;

    /// <summary>Another process holds the data folder.</summary>
    public const int DataFolderHeld = 3;

    /// <summary>An address is taken or can not be listened on.</summary>
    public const int AddressUnavailable = 4;

    /// <summary>The graceful stop passed its limit and was cut short.</summary>
    public const int StopTimedOut = 5;
}

/// <summary>A start that can not succeed for a reason the user can mend; printed without a stack.</summary>
internal sealed class StartRefusedException(int exitCode, string message, Exception? inner = null)
    : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;
}
