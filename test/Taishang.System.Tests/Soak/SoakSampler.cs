using Taishang.Core.Data;

namespace Taishang.System.Tests.Soak;

/// <summary>Looks at the queue all the time and notes every limit that is exceeded.</summary>
internal sealed class SoakSampler(SoakDatabase database)
{
    private static readonly TimeSpan Gap = TimeSpan.FromMilliseconds(40);

    private readonly List<string> _broken = [];

    public int Looks { get; private set; }

    public int MostRunning { get; private set; }

    public IReadOnlyList<string> Broken => _broken;

    public async Task RunAsync(CancellationToken stop)
    {
        using var pace = new PeriodicTimer(Gap);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                Look(await database.RunningAsync());
            }
            catch (Exception e) when (DatabaseFailure.IsUnavailable(e))
            {
                // It was crashed, and is coming back.
            }

            await pace.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    private void Look(List<(string Type, string Tenant, int Count)> running)
    {
        Looks++;
        var all = running.Sum(row => row.Count);
        MostRunning = Math.Max(MostRunning, all);
        Check("all", all, SoakCluster.RunningMax);
        foreach (var type in running.GroupBy(row => row.Type))
        {
            Check(
                type.Key, type.Sum(row => row.Count),
                type.Key == LedgerExecutor.TypeName ? SoakCluster.LedgerMax : SoakCluster.EmbeddingMax);
        }

        foreach (var tenant in running.Where(row => row.Tenant != "").GroupBy(row => row.Tenant))
            Check(tenant.Key, tenant.Sum(row => row.Count), SoakCluster.TenantMax);
    }

    private void Check(string what, int count, int max)
    {
        if (count > max) _broken.Add($"{count} of {what} ran at once, at most {max} may");
    }
}
