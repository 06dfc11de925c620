using Taishang.Core.Data;
using Taishang.Hosting.Health;

namespace Taishang.Core.Health;

/// <summary>The schema is in place and the database answers now.</summary>
internal sealed class DatabaseReadiness(Database database, DatabaseState state) : IReadinessCheck
{
    public string Name => "database";

    public async ValueTask<Readiness> CheckAsync(CancellationToken cancellation)
    {
        if (state.Reason is { } reason) return Readiness.Waiting(reason);
        try
        {
            await database.ReadAsync(session => session.ScalarAsync<long>("SELECT 1"), cancellation);
            return Readiness.Ready;
        }
        catch (Exception e) when (DatabaseFailure.IsUnavailable(e))
        {
            return Readiness.Waiting("the database is locked or gone");
        }
    }
}
