namespace Taishang.Core.Data;

/// <summary>Where core keeps its rows.</summary>
public sealed class DatabaseOptions
{
    /// <summary>`Host=…` is PostgreSQL, anything else a SQLite file. Default: a file under the data folder.</summary>
    public string Connection { get; set; } = "";

    /// <summary>
    /// How long a statement waits for a lock before the caller gets 503. Seconds, 1–60. PostgreSQL ends a session that
    /// is quiet in its transaction for half as long, so that a paused process holds no locks.
    /// </summary>
    public int BusyTimeoutSeconds { get; set; } = 5;

    /// <summary>Connections to PostgreSQL, 1–200.</summary>
    public int PoolSize { get; set; } = 20;
}
