namespace Taishang.Core.Tasks;

/// <summary>What becomes of a waiting task when one that it depends on fails or is cancelled.</summary>
public static class ParentFailure
{
    /// <summary>It is cancelled too, and so on down the line.</summary>
    public const string Cancel = "cancel";

    /// <summary>It is parked until somebody starts it.</summary>
    public const string Park = "park";

    /// <summary>It runs all the same, once all of them have ended.</summary>
    public const string Run = "run";

    internal static readonly string[] Words = [Cancel, Park, Run];
}
