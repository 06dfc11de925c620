namespace Taishang.VectorEngine;

/// <summary>What a pass of maintenance was asked for; a later one includes those before it.</summary>
internal enum MaintenanceDemand
{
    /// <summary>Nobody waits: only what is worth its work is done.</summary>
    None,

    /// <summary>Every row sealed and under the index.</summary>
    Build,

    /// <summary>No dead row left, however few they are.</summary>
    Compaction,

    /// <summary>The same, and the rows and their index written anew though none is dead.</summary>
    Rebuild,
}
