using Microsoft.Extensions.Logging;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;

namespace Taishang.Ai.Indexes;

/// <summary>
/// Which collections never go cold by idleness or budget. What was said of a collection stands beside its rows; where
/// nothing was, the worker's setting decides. Pins are promises, so they are only given as far as memory goes: what is
/// pinned already stays when its collection grows, or a restart brings a smaller budget.
/// </summary>
internal sealed class CollectionPins(
    CollectionFolders folders, VectorEngineOptions engine, IndexOptions options, ILogger<CollectionPins> logger)
{
    /// <summary>What pinned collections may take together.</summary>
    private long BudgetBytes => options.HotBytesMax == 0
        ? engine.Memory.LimitBytes : Math.Min(options.HotBytesMax, engine.Memory.LimitBytes);

    public bool IsPinned(CollectionEntry entry) => entry.Pin ?? options.IsPinned(entry.Id);

    /// <summary>What was last said of a collection. A word that can not be read is logged, and the setting decides: its
    /// rows are whole, so they are served.</summary>
    public bool? Read(Guid id)
    {
        try
        {
            return PinFile.Read(folders.Of(id));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            logger.LogError(e, "Whether collection {CollectionId} is pinned can not be read: pin it again", id);
            return null;
        }
    }

    /// <summary>Keeps what is said of the collection in a folder.</summary>
    /// <exception cref="WorkerException">The collection is gone, or the disk refuses.</exception>
    public static void Write(Guid id, string folder, bool isPinned)
    {
        try
        {
            PinFile.Write(folder, isPinned);
        }
        catch (DirectoryNotFoundException)
        {
            throw CollectionEntry.NotFound(id);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkerException(
                ErrorCode.StorageUnavailable, $"whether the collection is pinned can not be kept: {e.Message}",
                "pinned", e);
        }
    }

    /// <summary>Looks whether the budget holds another pinned collection beside those that are.</summary>
    /// <param name="bytes">Of that one.</param>
    /// <param name="others">All of the worker, or all but that one.</param>
    /// <exception cref="WorkerException">PIN_BUDGET, with what is needed, taken and allowed.</exception>
    public void RequireRoom(long bytes, IEnumerable<CollectionEntry> others)
    {
        var pinned = others.Where(IsPinned).ToList();
        var takenBytes = pinned.Sum(BytesOf);
        var budgetBytes = BudgetBytes;
        if (takenBytes + bytes <= budgetBytes) return;
        throw new WorkerException(
            ErrorCode.PinBudget,
            $"pinning the collection needs about {bytes} bytes, {pinned.Count} pinned ones take {takenBytes} of the "
            + $"{budgetBytes} that the worker's memory budget holds: release one, or raise the budget", "pinned");
    }

    /// <summary>What it takes in memory, or would take at most; 0 for one that can not be read.</summary>
    private long BytesOf(CollectionEntry entry)
    {
        if (entry.MemoryBytes is > 0 and var bytes) return bytes;
        try
        {
            return VectorCollections.EstimateOpenBytes(folders.Of(entry.Id));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CorruptDataException)
        {
            return 0;
        }
    }
}
