using System.Data;

namespace Taishang.Core.Data;

/// <summary>Several reads that see the database as it was at the first of them.</summary>
internal static class DatabaseSnapshot
{
    /// <param name="session">Of a read: it has no transaction.</param>
    /// <param name="read">Uses the session, and writes nothing.</param>
    public static async Task<T> InSnapshotAsync<T>(this DatabaseSession session, Func<Task<T>> read)
    {
        if (session.Dialect == Dialect.PostgreSql)
        {
            await using var transaction = await session.Connection.BeginTransactionAsync(
                IsolationLevel.RepeatableRead, session.Cancellation);
            var seen = await read();
            await transaction.CommitAsync(session.Cancellation);
            return seen;
        }

        // As text: the driver would want its own transaction named with each command. After an error the connection is
        // not used again.
        await session.ExecuteAsync("BEGIN TRANSACTION");
        var result = await read();
        await session.ExecuteAsync("COMMIT TRANSACTION");
        return result;
    }
}
