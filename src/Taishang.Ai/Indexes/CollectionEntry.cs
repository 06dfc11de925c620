using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;

namespace Taishang.Ai.Indexes;

/// <summary>
/// One collection's place in the store: being read, open, cold, or broken with a reason. Counts who is inside, because
/// a collection's memory is not the collector's: it may only be closed when the last search has left.
/// </summary>
internal sealed class CollectionEntry(Guid id, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closing = new();

    /// <summary>Of the present change; its result is why a load was refused, null when it was not.</summary>
    private TaskCompletionSource<WorkerException?> _settled = NewSettled();
    private CollectionState _state = CollectionState.Opening;
    private IVectorCollection? _collection;
    private CollectionDescription? _cold;
    private WorkerException? _fault;
    private int _usersCount;
    private bool _isClosing;
    private bool? _pin;
    private long _usedAt = time.GetTimestamp();

    public Guid Id => id;

    /// <summary>Completes when the collection is no longer being read or released; never fails. The result is why it
    /// stays cold, if that was not wanted.</summary>
    public Task<WorkerException?> Settled
    {
        get
        {
            lock (_gate) return _settled.Task;
        }
    }

    /// <summary>Cancelled when the collection is being dropped or the worker stops.</summary>
    public CancellationToken Closing => _closing.Token;

    public CollectionState State
    {
        get
        {
            lock (_gate) return _state;
        }
    }

    /// <summary>Whether it was said to be pinned or not to be; null where nothing was said of it.</summary>
    public bool? Pin
    {
        get
        {
            lock (_gate) return _pin;
        }

        set
        {
            lock (_gate) _pin = value;
        }
    }

    /// <summary>Since the last call came or left.</summary>
    public TimeSpan Idle => time.GetElapsedTime(Volatile.Read(ref _usedAt));

    /// <summary>Of an open collection; described once, for describing looks at files.</summary>
    public VectorCollectionOptions Options { get; private set; } = new() { Dimensions = 0 };

    /// <summary>Bytes that only memory holds; 0 unless open.</summary>
    public long MemoryBytes
    {
        get
        {
            using var lease = TryPeek();
            return lease?.Collection.MemoryBytes ?? 0;
        }
    }

    /// <summary>Whether closing it would end a scroll.</summary>
    public bool IsBeingScrolled
    {
        get
        {
            using var lease = TryPeek();
            return lease?.Collection.IsBeingScrolled == true;
        }
    }

    public void Open(IVectorCollection collection)
    {
        Options = collection.Describe().Options;
        lock (_gate)
        {
            (_state, _collection, _cold) = (CollectionState.Open, collection, null);
            _usedAt = time.GetTimestamp();
            _settled.TrySetResult(null);
        }
    }

    public void Break(WorkerException fault)
    {
        lock (_gate)
        {
            (_state, _fault) = (CollectionState.Broken, fault);
            _settled.TrySetResult(null);
        }
    }

    /// <summary>It stands on disk alone, and the next call loads it.</summary>
    /// <param name="description">As it was when it was closed; null where it never was open.</param>
    /// <param name="refusal">Why a load that was wanted did not happen.</param>
    public void Cool(CollectionDescription? description, WorkerException? refusal = null)
    {
        lock (_gate)
        {
            (_state, _cold) = (CollectionState.Cold, description ?? _cold);
            _settled.TrySetResult(refusal);
        }
    }

    /// <summary>True for one caller, who then has to load it, while it is cold.</summary>
    public bool TryBeginLoad()
    {
        lock (_gate)
        {
            if (_state != CollectionState.Cold || _isClosing) return false;
            (_state, _settled) = (CollectionState.Opening, NewSettled());
            return true;
        }
    }

    /// <summary>The collection, for one caller, who then has to close it and say <see cref="Cool"/>; null while someone
    /// is inside.</summary>
    public IVectorCollection? TryBeginCool()
    {
        lock (_gate)
        {
            if (_state != CollectionState.Open || _usersCount > 0 || _isClosing) return null;
            var collection = _collection;
            (_state, _collection, _settled) = (CollectionState.Opening, null, NewSettled());
            return collection;
        }
    }

    /// <summary>A lease when the collection is open, null while it is being read or cold.</summary>
    /// <exception cref="WorkerException">It is broken, or being dropped.</exception>
    public CollectionLease? TryEnter() => TryEnter(isUse: true);

    /// <summary>As <see cref="TryEnter()"/>, for who only looks: it does not keep the collection in memory. Null, too,
    /// when it is broken or being dropped.</summary>
    public CollectionLease? TryPeek()
    {
        try
        {
            return TryEnter(isUse: false);
        }
        catch (WorkerException)
        {
            return null;
        }
    }

    /// <summary>How a cold collection was when it was closed, when that is how it is still; null when it has to be
    /// loaded to tell.</summary>
    public CollectionDescription? TryDescribeCold()
    {
        lock (_gate)
        {
            if (_state != CollectionState.Cold || _cold is null) return null;
            return _cold.NextExpiry is { } expiry && expiry <= time.GetUtcNow() ? null : _cold;
        }
    }

    /// <param name="isUse">Whether the leaving is one.</param>
    public void Leave(bool isUse)
    {
        lock (_gate)
        {
            if (isUse) _usedAt = time.GetTimestamp();
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
        await Settled;
        await _left.Task;
        IVectorCollection? collection;
        lock (_gate) (collection, _collection) = (_collection, null);
        if (collection is not null) await collection.DisposeAsync();
    }

    public void Dispose() => _closing.Dispose();

    public static WorkerException NotFound(Guid id) => new(
        ErrorCode.CollectionNotFound, $"this worker holds no collection {id:D}", "collection_id");

    private CollectionLease? TryEnter(bool isUse)
    {
        lock (_gate)
        {
            if (_isClosing) throw NotFound(id);
            // A new exception each time: a thrown one collects the stacks of all its throwers.
            if (_fault is not null) throw new WorkerException(_fault.Code, _fault.Message, "collection_id", _fault);
            if (_collection is null) return null;
            if (isUse) _usedAt = time.GetTimestamp();
            _usersCount++;
            return new CollectionLease(this, _collection, isUse);
        }
    }

    private static TaskCompletionSource<WorkerException?> NewSettled() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>Where a collection stands.</summary>
internal enum CollectionState
{
    Opening,
    Open,
    Cold,
    Broken,
}

/// <summary>A collection that stays open until this is disposed.</summary>
internal sealed class CollectionLease(CollectionEntry entry, IVectorCollection collection, bool isUse) : IDisposable
{
    private CollectionEntry? _entry = entry;

    public IVectorCollection Collection { get; } = collection;

    /// <summary>As the collection was opened; dims, metric and index never change.</summary>
    public VectorCollectionOptions Options { get; } = entry.Options;

    /// <summary>The tag of metrics: flat, hnsw.</summary>
    public string IndexName => Rpc.IndexTypes.TagOf(Options.Index);

    /// <summary>Long work inside must end when this is cancelled.</summary>
    public CancellationToken Closing { get; } = entry.Closing;

    public void Dispose() => Interlocked.Exchange(ref _entry, null)?.Leave(isUse);
}
