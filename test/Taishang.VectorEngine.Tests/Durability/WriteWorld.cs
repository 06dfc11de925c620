namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>
/// What must be in a collection whose disk may fail at any moment: every acknowledged write, and of the one whose fate
/// is unknown all or nothing.
/// </summary>
internal sealed class WriteWorld(VectorCollectionOptions options)
{
    private const int IdCount = 40;

    private Dictionary<int, int> _held = [];
    private Dictionary<int, int>? _perhaps;

    public int Acknowledged { get; private set; }

    /// <summary>Writes, deletes, builds and compacts by the dice until something is refused or all is done.</summary>
    public async Task PlayAsync(IVectorCollection collection, Random random, int operations)
    {
        try
        {
            for (var i = 0; i < operations; i++)
            {
                await StepAsync(collection, random);
                _perhaps = null;
            }
        }
        catch (WriteFailedException)
        {
            // What was under way is now in _perhaps.
        }
    }

    /// <summary>Whether the collection holds what it must; what happens next goes on from what it holds.</summary>
    public void Settle(IVectorCollection collection, string where)
    {
        if (Check(collection, where) && _perhaps is not null)
            _held = _perhaps;
        _perhaps = null;
    }

    /// <summary>Whether the collection holds what it must; true when that has in it the write under way.</summary>
    public bool Check(IVectorCollection collection, string where)
    {
        var rows = collection.Get([.. Enumerable.Range(0, IdCount).Select(id => VectorId.FromInteger(id))]);
        var found = rows.ToDictionary(row => int.Parse(row.Id.Text), row => (int)row.Vector.Span[0]);
        var hasPerhaps = _perhaps is not null && Same(found, _perhaps);
        Assert.True(hasPerhaps || Same(found, _held), $"{where}: found {Text(found)}, acknowledged {Text(_held)}");
        Assert.Equal(found.Count, collection.Count());
        var hits = collection.Search(new SearchRequest(new float[options.Dimensions], 1000)).Ids();
        Assert.Equal(found.Keys.Order(), hits.Select(int.Parse).Order());
        return hasPerhaps;
    }

    private async Task StepAsync(IVectorCollection collection, Random random)
    {
        var dice = random.Next(20);
        if (dice < 2)
        {
            await (dice == 0
                ? collection.BuildIndexAsync(null, CancellationToken.None)
                : collection.CompactAsync(null, CancellationToken.None));
            return;
        }

        var ids = Enumerable.Range(0, 1 + random.Next(6)).Select(_ => random.Next(IdCount)).Distinct().ToList();
        var value = random.Next(1, 100_000);
        _perhaps = new(_held);
        if (dice < 14)
        {
            ids.ForEach(id => _perhaps[id] = value);
            await collection.UpsertAsync(
                [.. ids.Select(id => Row(id, value, options.Dimensions))], CancellationToken.None);
        }
        else if (dice < 18)
        {
            ids.ForEach(id => _perhaps.Remove(id));
            await collection.DeleteAsync([.. ids.Select(id => VectorId.FromInteger(id))], CancellationToken.None);
        }
        else
        {
            _held.Where(row => row.Value < 20_000).ToList().ForEach(row => _perhaps.Remove(row.Key));
            await collection.DeleteAsync(Rows.Filter("{\"v\":{\"$lt\":20000}}"), CancellationToken.None);
        }

        _held = _perhaps;
        Acknowledged++;
    }

    /// <summary>The value first; then what only this id and value have, so that codes tell rows apart.</summary>
    private static VectorRow Row(int id, int value, int dimensions)
    {
        var vector = Rows.Vector(new Random(id * 100_000 + value), dimensions);
        vector[0] = value;
        return Rows.Row($"{id}", vector, $"{{\"v\":{value}}}");
    }

    private static bool Same(Dictionary<int, int> left, Dictionary<int, int> right) =>
        left.Count == right.Count
        && left.All(row => right.TryGetValue(row.Key, out var value) && value == row.Value);

    private static string Text(Dictionary<int, int> rows) =>
        string.Join(' ', rows.OrderBy(row => row.Key).Select(row => $"{row.Key}:{row.Value}"));
}
