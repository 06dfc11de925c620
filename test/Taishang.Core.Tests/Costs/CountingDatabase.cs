using System.Data.Common;
using Taishang.Core.Data;

namespace Taishang.Core.Tests.Costs;

/// <summary>Counts what goes through a database, and fails where the test wants it to.</summary>
internal sealed class CountingDatabase(Database inner) : Database
{
    private int _trips;

    public override Dialect Dialect => inner.Dialect;

    public int Trips => Volatile.Read(ref _trips);

    /// <summary>Thrown in the place of what is asked.</summary>
    public Exception? Fault { get; set; }

    /// <summary>Thrown after a write was committed, as when the answer is lost.</summary>
    public Exception? FaultAfter { get; set; }

    public override Task<T> ReadAsync<T>(Func<DatabaseSession, Task<T>> read, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _trips);
        return Fault is { } fault ? Task.FromException<T>(fault) : inner.ReadAsync(read, cancellation);
    }

    public override async Task<T> WriteAsync<T>(
        Func<DatabaseSession, Task<T>> write, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _trips);
        if (Fault is { } fault) throw fault;
        var result = await inner.WriteAsync(write, cancellation);
        return FaultAfter is { } after ? throw after : result;
    }

    /// <summary>What is inside belongs to the world.</summary>
    public override ValueTask DisposeAsync() => default;

    internal override Task<DbConnection> ConnectAsync(CancellationToken cancellation) =>
        inner.ConnectAsync(cancellation);
}
