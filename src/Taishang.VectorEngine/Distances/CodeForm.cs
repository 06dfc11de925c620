namespace Taishang.VectorEngine.Distances;

/// <summary>How many bits of a component a code keeps. The numbers are part of files.</summary>
internal enum CodeForm
{
    /// <summary>One byte, 0 to 127.</summary>
    Seven = 7,

    /// <summary>Half a byte, 0 to 15.</summary>
    Four = 4,

    /// <summary>Above or below the middle of its dimension.</summary>
    One = 1,
}
