using Taishang.Hosting.Health;

namespace Taishang.Ai.Indexes;

/// <summary>Not ready until every collection was read; broken ones are named but do not hold the others back.</summary>
internal sealed class CollectionReadiness(CollectionStore store) : IReadinessCheck
{
    private const int NamedMax = 5;

    public string Name => "collections";

    public ValueTask<Readiness> CheckAsync(CancellationToken cancellation)
    {
        if (!store.IsOpened)
        {
            var (settled, found) = store.Progress;
            return ValueTask.FromResult(Readiness.Waiting($"opening collections {settled}/{found}"));
        }

        var broken = store.Entries.Where(entry => entry.State == CollectionState.Broken).ToList();
        if (broken.Count == 0) return ValueTask.FromResult(Readiness.Ready);
        var names = string.Join(", ", broken.Take(NamedMax).Select(entry => entry.Id.ToString("D")));
        return ValueTask.FromResult(new Readiness(
            true, $"{broken.Count} collections can not be read: {names}{(broken.Count > NamedMax ? " …" : "")}"));
    }
}
