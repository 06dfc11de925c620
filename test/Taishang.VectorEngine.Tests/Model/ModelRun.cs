using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace Taishang.VectorEngine.Tests.Model;

/// <summary>One collection and its model, and the dice that decide what happens to both.</summary>
internal sealed class ModelRun(int seed, VectorCollectionOptions options) : IAsyncDisposable
{
    public const int IdCount = 400;

    private const double FarOffShareMax = 0.03;

    /// <summary>Components that no vector may have.</summary>
    private static readonly float[] Refused = [float.NaN, 1e38f, float.PositiveInfinity, float.NegativeInfinity];

    private readonly string _root = Directory.CreateTempSubdirectory("taishang-model-").FullName;
    private readonly Random _random = new(seed);
    private readonly FakeTimeProvider _clock = new();
    private readonly List<(string Folder, Dictionary<string, ModelRow> Rows, TimeSpan? TimeToLive)> _snapshots = [];
    private Dictionary<string, ModelRow> _rows = [];
    private ModelReader? _reader;
    private TimeSpan? _timeToLive;
    private string _folder = "";
    private IVectorCollection? _collection;
    private int _folders;

    public int Operation { get; private set; }

    public string Doing { get; private set; } = "";

    /// <summary>Reads that met an index whose codes stand for the vectors.</summary>
    public int ReadsOverCodes { get; private set; }

    public string Summary => $"recall {_reader?.Recall:F3}, {ReadsOverCodes} reads over codes, "
        + $"{_reader?.FarOffShare:P2} of distances far off";

    private IVectorCollection Collection => _collection!;

    private VectorEngineOptions Engine => new()
    {
        Time = _clock,
        SealAfterRows = 120,
        SaveGraphAfterRows = 80,
        BuildThreads = 2,
        AutoScanBytesMax = 4 << 10,
        SyncBeforeAcknowledge = false,
    };

    public async Task PlayAsync(int operations)
    {
        _folder = NewFolder();
        _collection = await VectorCollections.CreateAsync(_folder, options, Engine, CancellationToken.None);
        _reader = new ModelReader(_random, options);
        for (Operation = 0; Operation < operations; Operation++)
            await StepAsync();

        Doing = "recall of the whole run";
        Assert.True(_reader.FarOffShare <= FarOffShareMax, $"{_reader.FarOffShare:P1} of distances are far off");
        Assert.True(_reader.Recall >= _reader.RecallMin, $"recall {_reader.Recall}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_collection is not null)
            await _collection.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    private async Task StepAsync()
    {
        var (name, act) = _random.Next(2000) switch
        {
            < 600 => ("upsert", UpsertAsync()),
            < 760 => ("delete", DeleteAsync()),
            < 776 => ("delete by filter", DeleteByFilterAsync()),
            < 786 => ("a refused upsert", RefuseAsync()),
            < 800 => ("time goes on", Advance()),
            < 802 => ("build", Collection.BuildIndexAsync(null, CancellationToken.None)),
            < 803 => ("compact", CompactAsync()),
            < 805 => ("restart", RestartAsync()),
            < 808 => ("reconfigure", ReconfigureAsync()),
            < 809 => ("snapshot", SnapshotAsync()),
            < 810 => ("restore", RestoreAsync()),
            _ => ("read", Task.CompletedTask),
        };
        Doing = name;
        await act;
        if (name != "read")
            return;

        if (Collection.Describe().Index is { Compression: not CompressionKind.None, CodeBytes: > 0 })
            ReadsOverCodes++;
        _reader!.Read(Collection, Live());
    }

    private async Task UpsertAsync()
    {
        var rows = new List<VectorRow>();
        for (var i = 0; i <= _random.Next(6); i++)
        {
            var id = RandomId();
            var row = new ModelRow(
                RandomVector(),
                _random.Next(12) == 0 ? null : _random.Next(100),
                ModelFilter.ColorOf(_random),
                _random.Next(8) == 0 ? _clock.GetUtcNow().AddSeconds(_random.Next(-2, 60)) : null);
            row = row.Number is null ? row with { Color = null } : row;
            rows.Add(Rows.Row(id, row.Vector, row.Json) with { ExpiresAt = row.ExpiresAt });
            _rows[id] = row with { ExpiresAt = row.ExpiresAt ?? _clock.GetUtcNow() + _timeToLive };
        }

        var written = await Collection.UpsertAsync(rows, CancellationToken.None);
        Assert.Equal(rows.Select(row => row.Id).Distinct().Count(), written);
    }

    private async Task DeleteAsync()
    {
        var live = Live();
        var ids = Enumerable.Range(0, 1 + _random.Next(4)).Select(_ => RandomId()).ToList();
        Assert.Equal(
            ids.Distinct().Count(live.ContainsKey),
            await Collection.DeleteAsync([.. ids.Select(id => new VectorId(id))], CancellationToken.None));
        ids.ForEach(id => _rows.Remove(id));
    }

    private async Task DeleteByFilterAsync()
    {
        var low = _random.Next(12);
        var color = ModelFilter.ColorOf(_random);
        var filter = Rows.Filter($"{{\"n\":{{\"$lt\":{low}}},\"c\":\"{color}\"}}");
        var matching = Live().Where(row => row.Value.Number < low && row.Value.Color == color).ToList();
        Assert.Equal(matching.Count, await Collection.DeleteAsync(filter, CancellationToken.None));
        matching.ForEach(row => _rows.Remove(row.Key));
    }

    private async Task RefuseAsync()
    {
        var bad = Rows.Vector(_random, options.Dimensions);
        bad[_random.Next(options.Dimensions)] = Refused[_random.Next(Refused.Length)];
        var rows = new[] { Rows.Row(RandomId(), RandomVector()), Rows.Row(RandomId(), bad) };
        await Assert.ThrowsAsync<VectorInputException>(() => Collection.UpsertAsync(rows, CancellationToken.None));
    }

    private Task Advance()
    {
        _clock.Advance(TimeSpan.FromSeconds(_random.Next(20)));
        return Task.CompletedTask;
    }

    private async Task CompactAsync()
    {
        await Collection.CompactAsync(null, CancellationToken.None);
        Assert.Equal(0, Collection.Describe().DeadRows);
    }

    private async Task RestartAsync()
    {
        await Collection.DisposeAsync();
        await OpenAsync();
    }

    private async Task OpenAsync()
    {
        _collection = await VectorCollections.OpenAsync(_folder, Engine, CancellationToken.None);
        Assert.Empty(Collection.Describe().RecoveryNotes);
        _reader!.ForgetScrolls();
    }

    private async Task ReconfigureAsync()
    {
        _timeToLive = _random.Next(3) == 0 ? TimeSpan.FromSeconds(1 + _random.Next(100)) : null;
        await Collection.ReconfigureAsync(12 + _random.Next(10), null, _timeToLive, CancellationToken.None);
    }

    private async Task SnapshotAsync()
    {
        var folder = NewFolder();
        var taken = await Collection.SnapshotAsync(folder, $"{Operation}", CancellationToken.None);
        Assert.Equal(Live().Count, taken.LiveRows);
        _snapshots.Add((folder, new(_rows), _timeToLive));
        if (_snapshots.Count <= 3)
            return;

        Directory.Delete(_snapshots[0].Folder, recursive: true);
        _snapshots.RemoveAt(0);
    }

    /// <summary>Goes on with what a snapshot held.</summary>
    private async Task RestoreAsync()
    {
        if (_snapshots.Count == 0)
            return;

        var snapshot = _snapshots[_random.Next(_snapshots.Count)];
        await Collection.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
        _folder = NewFolder();
        await VectorCollection.RestoreAsync(snapshot.Folder, _folder, Engine, CancellationToken.None);
        (_rows, _timeToLive) = (new(snapshot.Rows), snapshot.TimeToLive);
        await OpenAsync();
    }

    /// <summary>Now and then one that another row has too.</summary>
    private float[] RandomVector() => _random.Next(10) == 0 && _rows.Count > 0
        ? _rows.Values.First().Vector
        : Rows.Vector(_random, options.Dimensions);

    private string RandomId() => $"id{_random.Next(IdCount)}";

    private string NewFolder() => Path.Combine(_root, $"{_folders++}");

    private Dictionary<string, ModelRow> Live()
    {
        var now = _clock.GetUtcNow();
        return _rows.Where(row => row.Value.ExpiresAt is null || row.Value.ExpiresAt > now).ToDictionary();
    }
}
