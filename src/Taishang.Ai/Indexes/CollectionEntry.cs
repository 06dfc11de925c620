using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;

namespace Taishang.Ai.Indexes;

/// <summary>
/// One collection's place in the store: being read, open, or broken with a reason. Counts who is inside, because a
/// collection's memory is not the collector's: it may only be closed when the last search has left.
/// </summary>
internal sealed class CollectionEntry(Guid id) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closing = new();
    private VectorCollection? _collection;
    private WorkerException? _fault;
    private int _usersCount;
    private bool _isClosing;

    public Guid Id => id;

    /// <summary>Completes when the collection is open or known to be broken; never fails.</summary>
    public Task Settled => _settled.Task;

    /// <summary>Cancelled when the collection is being dropped or the worker stops.</summary>
    public CancellationToken Closing => _closing.Token;

    public CollectionState State
    {
        get
        {
            lock (_gate)
            {
                return _fault is not null ? CollectionState.Broken
                    : _collection is null ? CollectionState.Opening : CollectionState.Open;
            }
        }
    }

    /// <summary>Of an open collection; described once, for describing looks at files.</summary>
    public VectorCollectionOptions Options { get; private set; } = new() { Dimensions = 0 };

    public void Open(VectorCollection collection)
    {
        Options = collection.Describe().Options;
        lock (_gate) _collection = collection;
        _settled.TrySetResult();
    }

    public void Break(WorkerException fault)
    {
        lock (_gate) _fault = fault;
        _settled.TrySetResult();
    }

    /// <summary>A lease when the collection is open, null while it is being read.</summary>
    /// <exception cref="WorkerException">It is broken, or being dropped.</exception>
    public CollectionLease? TryEnter()
    {
        lock (_gate)
        {
            if (_isClosing) throw NotFound(id);
            // A new exception each time: a thrown one collects the stacks of all its throwers.
            if (_fault is not null) throw new WorkerException(_fault.Code, _fault.Message, "collection_id", _fault);
            if (_collection is null) return null;
            _usersCount++;
            return new CollectionLease(this, _collection);
        }
    }

    public void Leave()
    {
        lock (_gate)
        {
            _usersCount--;
            if (_usersCount == 0 && _isClosing) _left.TrySetResult();
        }
    }

    /// <summary>Lets nobody in, cancels what is long, waits for the rest, then closes. Twice is once.</summary>
    public async Task CloseAsync()
    {
        lock (_gate)
        {
            _isClosing = true;
            if (_usersCount == 0) _left.TrySetResult();
        }

        await _closing.CancelAsync();
        await _left.Task;
        VectorCollection? collection;
        lock (_gate) (collection, _collection) = (_collection, null);
        if (collection is not null) await collection.DisposeAsync();
    }

    public void Dispose() => _closing.Dispose();

    public static WorkerException NotFound(Guid id) => new(
        ErrorCode.CollectionNotFound, $"this worker holds no collection {id:D}", "collection_id");
}

/// <summary>Where a collection stands.</summary>
internal enum CollectionState
{
    Opening,
    Open,
    Broken,
}

/// <summary>A collection that stays open until this is disposed.</summary>
internal sealed class CollectionLease(CollectionEntry entry, VectorCollection collection) : IDisposable
{
    private CollectionEntry? _entry = entry;

    public VectorCollection Collection { get; } = collection;

    /// <summary>As the collection was opened; dims, metric and index never change.</summary>
    public VectorCollectionOptions Options { get; } = entry.Options;

    /// <summary>The tag of metrics: flat, hnsw.</summary>
    public string IndexName => Rpc.IndexTypes.TagOf(Options.Index);

    /// <summary>Long work inside must end when this is cancelled.</summary>
    public CancellationToken Closing { get; } = entry.Closing;

    public void Dispose() => Interlocked.Exchange(ref _entry, null)?.Leave();
}
