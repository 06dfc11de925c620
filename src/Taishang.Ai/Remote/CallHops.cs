using System.Globalization;
using Grpc.Core;

namespace Taishang.Ai.Remote;

/// <summary>
/// How many workers a call has passed, carried along with it: in the metadata between workers, and by the flow of
/// execution inside of one. It ends loops of models of provider remote, which no worker can see from its own place.
/// </summary>
internal static class CallHops
{
    public const string Header = "taishang-hops";

    private static readonly AsyncLocal<int> Passed = new();

    /// <summary>Workers that the call passed before this one.</summary>
    public static int Current => Passed.Value;

    /// <summary>Notes what a call brought. What is no number counts as too many: nobody of ours writes it.</summary>
    public static void Enter(Metadata headers)
    {
        string? text = headers.GetValue(Header);
        if (text is null) Passed.Value = 0;
        else
            Passed.Value = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int hops)
                ? hops
                : int.MaxValue - 1;
    }
}
