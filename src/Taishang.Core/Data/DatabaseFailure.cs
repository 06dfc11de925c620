using System.Net.Sockets;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Taishang.Core.Data;

/// <summary>
/// Tells a database that is locked or gone, which passes, from a statement that is wrong, which does not.
/// </summary>
public static class DatabaseFailure
{
    private const int SqliteBusy = 5;
    private const int SqliteLocked = 6;
    private const int SqliteReadOnly = 8;
    private const int SqliteIoError = 10;
    private const int SqliteFull = 13;
    private const int SqliteCannotOpen = 14;

    /// <summary>The session was quiet in its transaction, and the server ended it.</summary>
    private const string PostgreSqlQuiet = "25P03";

    public static bool IsUnavailable(Exception e) => e switch
    {
        SqliteException sqlite => sqlite.SqliteErrorCode
            is SqliteBusy or SqliteLocked or SqliteReadOnly or SqliteIoError or SqliteFull or SqliteCannotOpen,
        PostgresException postgres => postgres.IsTransient
            || postgres.SqlState.StartsWith("57", StringComparison.Ordinal)
            || postgres.SqlState.StartsWith("53", StringComparison.Ordinal)
            || postgres.SqlState == PostgreSqlQuiet,
        NpgsqlException => true,
        TimeoutException or SocketException or IOException => true,
        _ => e.InnerException is not null && IsUnavailable(e.InnerException),
    };

    /// <summary>True when a unique constraint refused the row.</summary>
    public static bool IsUniqueViolation(Exception e) => e switch
    {
        SqliteException { SqliteErrorCode: 19, SqliteExtendedErrorCode: 2067 or 1555 } => true,
        PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } => true,
        _ => false,
    };

    /// <summary>True when a table is not there, such as a month that another process has dropped.</summary>
    public static bool IsMissingTable(Exception e) => e switch
    {
        SqliteException { SqliteErrorCode: 1 } => e.Message.Contains("no such table", StringComparison.Ordinal),
        PostgresException { SqlState: PostgresErrorCodes.UndefinedTable } => true,
        _ => false,
    };

    /// <summary>True when another row still refers to this one, or this one to none.</summary>
    public static bool IsForeignKeyViolation(Exception e) => e switch
    {
        SqliteException { SqliteErrorCode: 19, SqliteExtendedErrorCode: 787 } => true,
        PostgresException { SqlState: PostgresErrorCodes.ForeignKeyViolation } => true,
        _ => false,
    };
}
