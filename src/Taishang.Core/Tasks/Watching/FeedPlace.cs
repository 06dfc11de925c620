using System.Globalization;
using Taishang.Core.Api;

namespace Taishang.Core.Tasks.Watching;

/// <summary>
/// A place in the feed: all up to it has been seen. As <c>Last-Event-ID</c> of all tasks it is <c>FEED-EVENTID</c>, or
/// <c>FEED-</c> for the end of all with that number.
/// </summary>
internal readonly record struct FeedPlace(long Feed, string EventId)
{
    /// <summary>Sorts behind every id.</summary>
    private const string Last = "~";

    public const string Header = "Last-Event-ID";

    /// <summary>Behind all with this number.</summary>
    public static FeedPlace EndOf(long feed) => new(feed, Last);

    /// <exception cref="ApiException">Not a place that this API gave.</exception>
    public static FeedPlace Parse(string text)
    {
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        var digits = text.AsSpan(0, Math.Max(0, dash));
        if (long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var feed))
        {
            var id = text[(dash + 1)..];
            if (id.Length == 0) return EndOf(feed);
            if (Data.RowId.TimeOf(id) is not null) return new FeedPlace(feed, id);
        }

        throw Refuse();
    }

    /// <summary>The id in the stream of one task: the number of a line of its trail.</summary>
    /// <exception cref="ApiException">Not a number that this API gave.</exception>
    public static int ParseSeq(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seq) ? seq : throw Refuse();

    private static ApiException Refuse()
    {
        const string Why = "expected the id of an event of this stream";
        return new ApiException(
            ErrorCodes.InvalidArgument, $"{Header}: {Why}",
            [new FieldError(Header, ErrorCodes.InvalidArgument.Number, Why)]);
    }

    public override string ToString() => $"{Feed}-{(EventId == Last ? "" : EventId)}";
}
