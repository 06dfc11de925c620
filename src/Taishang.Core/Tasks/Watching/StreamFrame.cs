using System.Text;
using System.Text.Json;
using Taishang.Core.Api;

namespace Taishang.Core.Tasks.Watching;

/// <summary>One event of a stream, written once and shared by all who read it.</summary>
/// <param name="TaskId">Whose it is.</param>
/// <param name="Body">As it goes over the wire, without its id.</param>
internal sealed record StreamFrame(string TaskId, byte[] Body)
{
    public static readonly byte[] Heartbeat = ": still here\n\n"u8.ToArray();

    /// <summary>How soon a browser comes back after the end, in milliseconds.</summary>
    public static readonly byte[] Retry = "retry: 2000\n\n"u8.ToArray();

    /// <summary>The reader was too slow for what is kept; it goes on where it was by coming back.</summary>
    public static readonly byte[] Lagged = "event: lagged\ndata: {}\n\n"u8.ToArray();

    /// <summary>The line of the trail; null for what is not one.</summary>
    public string? EventId { get; init; }

    /// <summary>Its number within the task: its id in the stream of the task.</summary>
    public int Seq { get; init; }

    /// <summary>Where a reader of all tasks goes on that has seen it: its id in the stream of all.</summary>
    public FeedPlace Place { get; init; }

    /// <summary>The task ended with it.</summary>
    public bool Ends { get; init; }

    public static StreamFrame Of(TaskEvent line, FeedPlace place) =>
        new(line.TaskId, Encode("transition", TaskEventView.Of(line)))
        {
            EventId = line.Id,
            Seq = line.Seq,
            Place = place,
            Ends = TaskTransitions.IsEnded(Enum.Parse<TaskState>(line.ToState, ignoreCase: true)),
        };

    public static StreamFrame Of(TaskPulse pulse) =>
        new(pulse.Id, Encode("progress", TaskProgressView.Of(pulse)));

    public static byte[] Of(AiTask task) => Encode("task", TaskView.Of(task));

    /// <summary>The line with the id, to be sent before the body.</summary>
    public byte[] IdFor(bool ofOneTask) => Encoding.UTF8.GetBytes(ofOneTask ? $"id: {Seq}\n" : $"id: {Place}\n");

    private static byte[] Encode<T>(string name, T data) =>
        // JSON has no line breaks, so it is one line of data.
        Encoding.UTF8.GetBytes($"event: {name}\ndata: {JsonSerializer.Serialize(data, ApiJson.Options)}\n\n");
}
