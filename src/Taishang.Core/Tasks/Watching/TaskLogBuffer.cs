using Taishang.Executors;

namespace Taishang.Core.Tasks.Watching;

/// <summary>
/// Lines of one attempt that are not written yet. They stay until it is known that they were written: writing a line
/// twice changes nothing, because its number is its key. When more come than the database is given time for, the
/// surplus is dropped and counted, and a line says so.
/// </summary>
internal sealed class TaskLogBuffer(int attempt, long fence, TimeProvider time)
{
    public const int MessageCharactersMax = 4_000;

    /// <summary>Lines that wait at once.</summary>
    public const int WaitingMax = 256;

    /// <summary>Bits of a line's number that count within the attempt.</summary>
    private const int PlaceBits = 20;

    private readonly Lock _gate = new();
    private readonly Queue<TaskLogLine> _waiting = [];
    private long _place;
    private long _dropped;

    public void Add(TaskLogLevel level, string message)
    {
        lock (_gate)
        {
            // The last place is kept for the line that says how many are missing.
            if (_waiting.Count >= WaitingMax - 1 || _place >= (1 << PlaceBits) - 2)
            {
                _dropped++;
                return;
            }

            NoteDropped();
            Append(level, message);
        }
    }

    /// <summary>What waits now, oldest first.</summary>
    public IReadOnlyList<TaskLogLine> Waiting()
    {
        lock (_gate)
        {
            NoteDropped();
            return _waiting.Count == 0 ? [] : [.. _waiting];
        }
    }

    /// <summary>These were written.</summary>
    public void Written(IReadOnlyList<TaskLogLine> lines)
    {
        if (lines.Count == 0) return;
        lock (_gate)
        {
            while (_waiting.TryPeek(out var line) && line.Seq <= lines[^1].Seq) _waiting.Dequeue();
        }
    }

    private void NoteDropped()
    {
        if (_dropped == 0 || _waiting.Count >= WaitingMax || _place >= (1 << PlaceBits) - 1) return;
        Append(TaskLogLevel.Warning, $"{_dropped} lines were dropped here: they came faster than they are written");
        _dropped = 0;
    }

    private void Append(TaskLogLevel level, string message) => _waiting.Enqueue(new TaskLogLine
    {
        Seq = (fence << PlaceBits) + _place++,
        Attempt = attempt,
        Level = TaskLogLine.Word(level),
        Message = Text(message),
        CreatedAt = time.GetUtcNow(),
    });

    private static string Text(string message)
    {
        // PostgreSQL's text has no NUL.
        var text = message.Replace('\0', ' ');
        return text.Length <= MessageCharactersMax ? text : text[..MessageCharactersMax];
    }
}
